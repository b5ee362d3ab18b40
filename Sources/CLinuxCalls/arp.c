#include "arp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int bf_arp_socket(int index) {
  int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ARP));
  if (fd < 0) return -errno;
  struct sockaddr_ll here = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = index};
  if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0) {
    int error = errno;
    close(fd);
    return -error;
  }
  return fd;
}

int bf_arp_send(int fd, int index, const void *bytes, size_t count) {
  struct sockaddr_ll everyone = {
      .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = index, .sll_halen = 6};
  memset(everyone.sll_addr, 0xff, 6);
  ssize_t sent = sendto(fd, bytes, count, MSG_DONTWAIT, (struct sockaddr *)&everyone, sizeof everyone);
  return sent < 0 ? -errno : 0;
}

int bf_arp_receive(int fd, int milliseconds, void *bytes, size_t count) {
  struct pollfd wait = {.fd = fd, .events = POLLIN};
  int ready = poll(&wait, 1, milliseconds);
  if (ready <= 0) return ready < 0 && errno != EINTR ? -errno : 0;
  ssize_t received = recv(fd, bytes, count, MSG_DONTWAIT);
  if (received < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
  return (int)received;
}
