#pragma once
#include <stdint.h>
// A netlink socket for routes, or -errno.
int bf_route_socket(void);
// Makes the kernel heed a table of our own for local addresses, or no longer; 0 or -errno.
int bf_local_table(int fd, int is_new);
// Makes one address local to an interface, or no longer so; 0 or -errno. The address is in host byte order.
int bf_local_route(int fd, int is_new, int interface, uint32_t address);
