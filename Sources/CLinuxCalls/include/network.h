#pragma once
// Network calls that neither Swift's Glibc overlay nor NIO can express. Every function returns -errno on failure;
// IPv4 addresses and ports are in host byte order.
#include <stddef.h>
#include <stdint.h>

struct bf_interface {
  int index;
  int mtu;
  int is_up;
  int is_ethernet;
  uint8_t mac[6];
  // The first IPv4 address, 0 without one.
  uint32_t address;
  int prefix_length;
};

int bf_find_interface(const char *name, struct bf_interface *found);
// A datagram socket bound to one interface and port on every address, allowed to broadcast.
int bf_udp_socket(const char *interface, uint16_t port);
// A socket of one interface and one of its addresses: datagrams, or a listener for connections. The address alone would
// not do: Linux takes packets for any of its addresses on every interface. An empty name is any interface.
int bf_interface_socket(const char *interface, int is_listener, uint32_t address, uint16_t port);
// Raises this process's limit of open descriptors as far as it may; the limit that holds now.
long bf_raise_descriptor_limit(void);
int bf_udp_send(int fd, uint32_t address, uint16_t port, const void *bytes, size_t count);
// Bytes received, or 0 when the time is over.
int bf_udp_receive(int fd, int milliseconds, void *bytes, size_t count, uint32_t *from);
// A raw ICMPv6 socket that hears router solicitations on one interface.
int bf_router_socket(const char *interface, int index);
int bf_router_receive(int fd, int milliseconds, void *bytes, size_t count);
// To all nodes of the link (ff02::1).
int bf_router_send(int fd, int index, const void *bytes, size_t count);
