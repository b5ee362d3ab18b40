#pragma once
// What sends and receives bulk data without waiting. Every function returns -errno on failure; addresses and ports are in
// host byte order.
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { BF_READABLE = 1, BF_WRITABLE = 2, BF_FAILED = 4 };

// A host and a port; an IPv4 address as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). `scope` is the interface of a link-local
// address.
struct bf_peer {
  uint64_t high, low;
  uint32_t scope;
  uint16_t port;
};

struct bf_ready {
  uint64_t token;
  uint32_t events;
};

int bf_epoll_create(void);
// Starts to watch a descriptor for BF_READABLE and BF_WRITABLE; `shared`: of several loops that watch it, one wakes up.
int bf_epoll_add(int epoll, int fd, uint32_t events, int shared, uint64_t token);
int bf_epoll_change(int epoll, int fd, uint32_t events, uint64_t token);
int bf_epoll_remove(int epoll, int fd);
// At most 64 at once.
int bf_epoll_wait(int epoll, struct bf_ready *ready, int count, int milliseconds);
int bf_event_create(void);
void bf_event_signal(int fd);
void bf_event_clear(int fd);

int bf_set_nonblocking(int fd);
// Connects a datagram socket: what others send to it is dropped, and it learns of "port unreachable".
int bf_connect_datagrams(int fd, const struct bf_peer *to);
// The path's MTU of a connected socket.
int bf_path_mtu(int fd);
ssize_t bf_receive(int fd, void *bytes, size_t count);
ssize_t bf_receive_from(int fd, void *bytes, size_t count, struct bf_peer *from);
// MSG_MORE where `more` is not 0.
ssize_t bf_send(int fd, const void *bytes, size_t count, int more);
// Sends the parts as one datagram, or, with a segment size, as datagrams of that many bytes each (UDP_SEGMENT). A
// connected socket has no `to`.
ssize_t bf_send_parts(int fd, struct iovec *parts, size_t count, uint16_t segment, const struct bf_peer *to);
// A connection that never waits and sends small pieces at once.
int bf_accept(int fd, struct bf_peer *from);
ssize_t bf_send_file(int to, int from, int64_t offset, size_t count);
// Of a TCP socket: bytes in the kernel that the peer has not acknowledged yet.
int bf_unsent(int fd);
// Connects a stream socket without waiting, from an address of this host where `from` is not 0.
int bf_connect_stream(uint32_t from, uint32_t address, uint16_t port);
// A datagram socket of one local address and a port of the kernel's choice, not waiting.
int bf_datagram_socket(uint32_t address);
int bf_pending_error(int fd);
int bf_local_port(int fd);
void bf_enlarge_receive_buffer(int fd, int size);
