#pragma once
#include "arp.h"
#include "dataplane.h"
#include "files.h"
#include "network.h"
#include "network6.h"
#include "privileges.h"
#include "routes.h"
// System calls whose arguments Swift's Glibc overlay cannot express (variadic ioctl, packed socket structures).
int bf_fsync_directory(const char *path);
