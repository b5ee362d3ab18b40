#pragma once
// IPv6 sockets of one interface. Every function returns -errno on failure; addresses are 16 bytes in network order.
#include <stddef.h>
#include <stdint.h>

// An address of the interface within a /64: 1, or 0 where it has none.
int bf_find_address6(const char *name, const uint8_t prefix[8], uint8_t found[16]);
// A datagram socket of one interface that hears what is sent to all DHCPv6 servers of its link (ff02::1:2).
int bf_dhcp6_socket(const char *interface, int index, uint16_t port);
// A listener for connections to one address of one interface.
int bf_interface_socket6(const char *interface, int is_listener, const uint8_t address[16], uint16_t port);
// Bytes received, or 0 when the time is over.
int bf_udp6_receive(int fd, int milliseconds, void *bytes, size_t count, uint8_t from[16]);
int bf_udp6_send(int fd, int index, const uint8_t to[16], uint16_t port, const void *bytes, size_t count);
