#define _GNU_SOURCE
#include "dataplane.h"
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

static struct sockaddr_in ipv4(uint32_t address, uint16_t port) {
  struct sockaddr_in result = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
  return result;
}

union any_address {
  struct sockaddr generic;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

static const uint64_t mapped = 0xffffull << 32;

static int is_ipv4(const struct bf_peer *peer) { return peer->high == 0 && peer->low >> 32 == mapped >> 32; }

static socklen_t address_of(const struct bf_peer *peer, union any_address *address) {
  memset(address, 0, sizeof *address);
  if (is_ipv4(peer)) {
    address->v4 = ipv4((uint32_t)peer->low, peer->port);
    return sizeof address->v4;
  }
  uint64_t halves[2] = {htobe64(peer->high), htobe64(peer->low)};
  address->v6.sin6_family = AF_INET6;
  address->v6.sin6_port = htons(peer->port);
  address->v6.sin6_scope_id = peer->scope;
  memcpy(&address->v6.sin6_addr, halves, sizeof halves);
  return sizeof address->v6;
}

static struct bf_peer peer_at(const union any_address *address) {
  if (address->generic.sa_family == AF_INET6) {
    uint64_t halves[2];
    memcpy(halves, &address->v6.sin6_addr, sizeof halves);
    return (struct bf_peer){
        .high = be64toh(halves[0]), .low = be64toh(halves[1]), .scope = address->v6.sin6_scope_id,
        .port = ntohs(address->v6.sin6_port)};
  }
  return (struct bf_peer){.low = mapped | ntohl(address->v4.sin_addr.s_addr), .port = ntohs(address->v4.sin_port)};
}

int bf_epoll_create(void) {
  int fd = epoll_create1(EPOLL_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

static uint32_t wanted(uint32_t events) {
  return (events & BF_READABLE ? EPOLLIN : 0) | (events & BF_WRITABLE ? EPOLLOUT : 0);
}

int bf_epoll_add(int epoll, int fd, uint32_t events, int shared, uint64_t token) {
  struct epoll_event event = {.events = wanted(events) | (shared ? EPOLLEXCLUSIVE : 0), .data.u64 = token};
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int bf_epoll_change(int epoll, int fd, uint32_t events, uint64_t token) {
  struct epoll_event event = {.events = wanted(events), .data.u64 = token};
  return epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) < 0 ? -errno : 0;
}

int bf_epoll_remove(int epoll, int fd) { return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, 0) < 0 ? -errno : 0; }

int bf_epoll_wait(int epoll, struct bf_ready *ready, int count, int milliseconds) {
  struct epoll_event events[64];
  int found = epoll_wait(epoll, events, count < 64 ? count : 64, milliseconds);
  if (found < 0) return errno == EINTR ? 0 : -errno;
  for (int index = 0; index < found; index++) {
    uint32_t has = events[index].events;
    ready[index].token = events[index].data.u64;
    ready[index].events = (has & EPOLLIN ? BF_READABLE : 0) | (has & EPOLLOUT ? BF_WRITABLE : 0) |
                          (has & (EPOLLERR | EPOLLHUP) ? BF_FAILED : 0);
  }
  return found;
}

int bf_event_create(void) {
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return fd < 0 ? -errno : fd;
}

void bf_event_signal(int fd) {
  uint64_t one = 1;
  // Full means signalled already.
  if (write(fd, &one, sizeof one) < 0) return;
}

void bf_event_clear(int fd) {
  uint64_t count;
  if (read(fd, &count, sizeof count) < 0) return;
}

int bf_set_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

int bf_connect_datagrams(int fd, const struct bf_peer *to) {
  union any_address address;
  socklen_t length = address_of(to, &address);
  return connect(fd, &address.generic, length) < 0 ? -errno : 0;
}

int bf_path_mtu(int fd) {
  int mtu = 0;
  socklen_t length = sizeof mtu;
  if (getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &length) == 0) return mtu;
  length = sizeof mtu;
  return getsockopt(fd, IPPROTO_IPV6, IPV6_MTU, &mtu, &length) < 0 ? -errno : mtu;
}

ssize_t bf_receive(int fd, void *bytes, size_t count) {
  ssize_t result = recv(fd, bytes, count, MSG_DONTWAIT);
  return result < 0 ? -errno : result;
}

ssize_t bf_receive_from(int fd, void *bytes, size_t count, struct bf_peer *from) {
  union any_address address = {0};
  socklen_t length = sizeof address;
  ssize_t result = recvfrom(fd, bytes, count, MSG_DONTWAIT, &address.generic, &length);
  if (result < 0) return -errno;
  *from = peer_at(&address);
  return result;
}

ssize_t bf_send(int fd, const void *bytes, size_t count, int more) {
  ssize_t result = send(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0));
  return result < 0 ? -errno : result;
}

ssize_t bf_send_parts(int fd, struct iovec *parts, size_t count, uint16_t segment, const struct bf_peer *to) {
  union {
    char bytes[CMSG_SPACE(sizeof(uint16_t))];
    struct cmsghdr alignment;
  } control;
  union any_address address;
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
  if (to) {
    message.msg_name = &address;
    message.msg_namelen = address_of(to, &address);
  }
  if (segment) {
    memset(&control, 0, sizeof control);
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = IPPROTO_UDP;
    header->cmsg_type = UDP_SEGMENT;
    header->cmsg_len = CMSG_LEN(sizeof segment);
    memcpy(CMSG_DATA(header), &segment, sizeof segment);
  }
  ssize_t result = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return result < 0 ? -errno : result;
}

int bf_accept(int fd, struct bf_peer *from) {
  union any_address address = {0};
  socklen_t length = sizeof address;
  int connection = accept4(fd, &address.generic, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (connection < 0) return -errno;
  int on = 1;
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  *from = peer_at(&address);
  return connection;
}

ssize_t bf_send_file(int to, int from, int64_t offset, size_t count) {
  off_t position = offset;
  ssize_t result = sendfile(to, from, &position, count);
  return result < 0 ? -errno : result;
}

int bf_unsent(int fd) {
  int count = 0;
  return ioctl(fd, SIOCOUTQ, &count) < 0 ? -errno : count;
}

static int failed(int fd) {
  int error = errno;
  close(fd);
  return -error;
}

// An address that is this host's by a route that is not in the local table; without the right to, bind says what is wrong.
static void allow_routed_address(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof on);
}

int bf_connect_stream(uint32_t from, uint32_t address, uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  struct sockaddr_in own = ipv4(from, 0), to = ipv4(address, port);
  int on = 1;
  // The port is chosen at connect, so that many connections may share one.
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (from) allow_routed_address(fd);
  if (from && bind(fd, (struct sockaddr *)&own, sizeof own) < 0) return failed(fd);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) return failed(fd);
  return fd;
}

int bf_datagram_socket(uint32_t address) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  struct sockaddr_in own = ipv4(address, 0);
  int room = 4 << 20;
  // As root beyond the host's limit: a window of large blocks must fit.
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  allow_routed_address(fd);
  if (bind(fd, (struct sockaddr *)&own, sizeof own) < 0) return failed(fd);
  return fd;
}

int bf_pending_error(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? -errno : -error;
}

int bf_local_port(int fd) {
  struct sockaddr_in own;
  socklen_t length = sizeof own;
  return getsockname(fd, (struct sockaddr *)&own, &length) < 0 ? -errno : ntohs(own.sin_port);
}

void bf_enlarge_receive_buffer(int fd, int size) {
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}
