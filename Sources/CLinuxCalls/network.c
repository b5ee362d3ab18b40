#define _GNU_SOURCE
#include "network.h"
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static int query(int fd, unsigned long request, const char *name, struct ifreq *result) {
  memset(result, 0, sizeof *result);
  strncpy(result->ifr_name, name, IFNAMSIZ - 1);
  return ioctl(fd, request, result) < 0 ? -errno : 0;
}

int bf_find_interface(const char *name, struct bf_interface *found) {
  memset(found, 0, sizeof *found);
  if (strlen(name) >= IFNAMSIZ) return -ENODEV;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  struct ifreq answer;
  int result = query(fd, SIOCGIFINDEX, name, &answer);
  if (result == 0) found->index = answer.ifr_ifindex;
  if (result == 0 && (result = query(fd, SIOCGIFMTU, name, &answer)) == 0) found->mtu = answer.ifr_mtu;
  if (result == 0 && (result = query(fd, SIOCGIFFLAGS, name, &answer)) == 0)
    found->is_up = (answer.ifr_flags & IFF_UP) != 0;
  if (result == 0 && (result = query(fd, SIOCGIFHWADDR, name, &answer)) == 0) {
    found->is_ethernet = answer.ifr_hwaddr.sa_family == ARPHRD_ETHER;
    memcpy(found->mac, answer.ifr_hwaddr.sa_data, 6);
  }
  close(fd);
  if (result < 0) return result;

  struct ifaddrs *list;
  if (getifaddrs(&list) < 0) return -errno;
  for (struct ifaddrs *each = list; each; each = each->ifa_next) {
    if (!each->ifa_addr || !each->ifa_netmask || each->ifa_addr->sa_family != AF_INET) continue;
    if (strcmp(each->ifa_name, name) != 0) continue;
    found->address = ntohl(((struct sockaddr_in *)each->ifa_addr)->sin_addr.s_addr);
    found->prefix_length = __builtin_popcount(((struct sockaddr_in *)each->ifa_netmask)->sin_addr.s_addr);
    break;
  }
  freeifaddrs(list);
  return 0;
}

static int wait_readable(int fd, int milliseconds) {
  struct pollfd wanted = {.fd = fd, .events = POLLIN};
  int result = poll(&wanted, 1, milliseconds);
  if (result < 0) return errno == EINTR ? 0 : -errno;
  return result;
}

static int failed(int fd) {
  int error = errno;
  close(fd);
  return -error;
}

// Room for what a thousand machines that are switched on together say at once; with the right to, beyond the host's limit.
static void hear_many(int fd) {
  int room = 8 << 20;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
}

int bf_udp_socket(const char *interface, uint16_t port) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int on = 1;
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
      setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on) < 0 ||
      setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, strlen(interface)) < 0 ||
      bind(fd, (struct sockaddr *)&any, sizeof any) < 0)
    return failed(fd);
  hear_many(fd);
  return fd;
}

int bf_interface_socket(const char *interface, int is_listener, uint32_t address, uint16_t port) {
  int fd = socket(AF_INET, (is_listener ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int on = 1;
  struct sockaddr_in here = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
  // Datagram sockets that allow reuse would take each other's port.
  if ((is_listener && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) ||
      (*interface && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, strlen(interface)) < 0) ||
      bind(fd, (struct sockaddr *)&here, sizeof here) < 0 || (is_listener && listen(fd, 4096) < 0))
    return failed(fd);
  // The ports that everyone asks on; a transfer's own hears one client.
  if (!is_listener && port != 0) hear_many(fd);
  return fd;
}

long bf_raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
  rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0) limit.rlim_cur = before;
  return limit.rlim_cur > LONG_MAX ? LONG_MAX : (long)limit.rlim_cur;
}

int bf_udp_send(int fd, uint32_t address, uint16_t port, const void *bytes, size_t count) {
  struct sockaddr_in to = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
  return sendto(fd, bytes, count, 0, (struct sockaddr *)&to, sizeof to) < 0 ? -errno : 0;
}

int bf_udp_receive(int fd, int milliseconds, void *bytes, size_t count, uint32_t *from) {
  int ready = wait_readable(fd, milliseconds);
  if (ready <= 0) return ready;
  struct sockaddr_in sender = {0};
  socklen_t length = sizeof sender;
  ssize_t received = recvfrom(fd, bytes, count, MSG_DONTWAIT, (struct sockaddr *)&sender, &length);
  if (received < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
  *from = ntohl(sender.sin_addr.s_addr);
  return (int)received;
}

int bf_router_socket(const char *interface, int index) {
  int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
  if (fd < 0) return -errno;
  struct icmp6_filter filter;
  ICMP6_FILTER_SETBLOCKALL(&filter);
  ICMP6_FILTER_SETPASS(ND_ROUTER_SOLICIT, &filter);
  // Receivers drop advertisements whose hop limit is not 255 (RFC 4861 section 6.1.2).
  int hops = 255, on = 1, off = 0;
  struct ipv6_mreq routers = {.ipv6mr_interface = (unsigned)index};
  inet_pton(AF_INET6, "ff02::2", &routers.ipv6mr_multiaddr);
  if (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) < 0 ||
      setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, strlen(interface)) < 0 ||
      setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops) < 0 ||
      setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof index) < 0 ||
      setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off, sizeof off) < 0 ||
      setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof on) < 0 ||
      setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &routers, sizeof routers) < 0)
    return failed(fd);
  return fd;
}

int bf_router_receive(int fd, int milliseconds, void *bytes, size_t count) {
  int ready = wait_readable(fd, milliseconds);
  if (ready <= 0) return ready;
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr alignment;
  } control;
  struct iovec data = {.iov_base = bytes, .iov_len = count};
  struct msghdr message = {
      .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  ssize_t received = recvmsg(fd, &message, MSG_DONTWAIT);
  if (received < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
  for (struct cmsghdr *each = CMSG_FIRSTHDR(&message); each; each = CMSG_NXTHDR(&message, each)) {
    int hops = 0;
    if (each->cmsg_level != IPPROTO_IPV6 || each->cmsg_type != IPV6_HOPLIMIT) continue;
    memcpy(&hops, CMSG_DATA(each), sizeof hops);
    // Anything less came through a router, so from another link.
    if (hops == 255) return (int)received;
  }
  return 0;
}

int bf_router_send(int fd, int index, const void *bytes, size_t count) {
  struct sockaddr_in6 everyone = {.sin6_family = AF_INET6, .sin6_scope_id = (uint32_t)index};
  inet_pton(AF_INET6, "ff02::1", &everyone.sin6_addr);
  return sendto(fd, bytes, count, 0, (struct sockaddr *)&everyone, sizeof everyone) < 0 ? -errno : 0;
}
