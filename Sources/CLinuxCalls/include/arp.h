#pragma once
// ARP by a packet socket of one interface. Every function returns -errno on failure.
#include <stddef.h>

int bf_arp_socket(int index);
// To everyone on the link.
int bf_arp_send(int fd, int index, const void *bytes, size_t count);
// Bytes received, or 0 when the time is over.
int bf_arp_receive(int fd, int milliseconds, void *bytes, size_t count);
