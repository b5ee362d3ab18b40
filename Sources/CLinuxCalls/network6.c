#define _GNU_SOURCE
#include "network6.h"
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int failed(int fd) {
  int error = errno;
  close(fd);
  return -error;
}

int bf_find_address6(const char *name, const uint8_t prefix[8], uint8_t found[16]) {
  struct ifaddrs *list;
  if (getifaddrs(&list) < 0) return -errno;
  int result = 0;
  for (struct ifaddrs *each = list; each && !result; each = each->ifa_next) {
    if (!each->ifa_addr || each->ifa_addr->sa_family != AF_INET6 || strcmp(each->ifa_name, name) != 0) continue;
    const uint8_t *address = ((struct sockaddr_in6 *)each->ifa_addr)->sin6_addr.s6_addr;
    if (memcmp(address, prefix, 8) != 0) continue;
    memcpy(found, address, 16);
    result = 1;
  }
  freeifaddrs(list);
  return result;
}

static int bound_socket(const char *interface, int type, int reuse, const uint8_t address[16], uint16_t port) {
  int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int on = 1;
  struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  if (address) memcpy(&here.sin6_addr, address, 16);
  if ((reuse && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) ||
      setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0 ||
      // An address that is still being checked for duplicates may be served from.
      setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on) < 0 ||
      setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, strlen(interface)) < 0 ||
      bind(fd, (struct sockaddr *)&here, sizeof here) < 0)
    return failed(fd);
  return fd;
}

int bf_dhcp6_socket(const char *interface, int index, uint16_t port) {
  int fd = bound_socket(interface, SOCK_DGRAM, 1, NULL, port);
  if (fd < 0) return fd;
  struct ipv6_mreq servers = {.ipv6mr_interface = (unsigned)index};
  inet_pton(AF_INET6, "ff02::1:2", &servers.ipv6mr_multiaddr);
  if (setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &servers, sizeof servers) < 0) return failed(fd);
  return fd;
}

int bf_interface_socket6(const char *interface, int is_listener, const uint8_t address[16], uint16_t port) {
  // Datagram sockets that allow reuse would take each other's port.
  int fd = bound_socket(interface, is_listener ? SOCK_STREAM : SOCK_DGRAM, is_listener, address, port);
  if (fd < 0) return fd;
  return is_listener && listen(fd, 1024) < 0 ? failed(fd) : fd;
}

int bf_udp6_receive(int fd, int milliseconds, void *bytes, size_t count, uint8_t from[16]) {
  struct pollfd wanted = {.fd = fd, .events = POLLIN};
  int ready = poll(&wanted, 1, milliseconds);
  if (ready < 0) return errno == EINTR ? 0 : -errno;
  if (ready == 0) return 0;
  struct sockaddr_in6 sender = {0};
  socklen_t length = sizeof sender;
  ssize_t received = recvfrom(fd, bytes, count, MSG_DONTWAIT, (struct sockaddr *)&sender, &length);
  if (received < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
  memcpy(from, &sender.sin6_addr, 16);
  return (int)received;
}

int bf_udp6_send(int fd, int index, const uint8_t to[16], uint16_t port, const void *bytes, size_t count) {
  struct sockaddr_in6 there = {
      .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = (uint32_t)index};
  memcpy(&there.sin6_addr, to, 16);
  return sendto(fd, bytes, count, 0, (struct sockaddr *)&there, sizeof there) < 0 ? -errno : 0;
}
