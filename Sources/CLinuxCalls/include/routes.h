#pragma once
#include <stdint.h>
// A netlink socket for routes, or -errno.
int bf_route_socket(void);
// Makes one address local to an interface, or no longer so; 0 or -errno. The address is in host byte order.
int bf_local_route(int fd, int is_new, int interface, uint32_t address);
