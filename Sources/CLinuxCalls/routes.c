#define _GNU_SOURCE
#include "routes.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int bf_route_socket(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  return fd < 0 ? -errno : fd;
}

// A table of its own, not the local one: there the kernel answers who asks for an address by ARP, but not who asks whether it is
// in use already (RFC 5227), which would tell a DHCP server that another machine has its client's address.
enum { TABLE = 0xbf };

struct request {
  struct nlmsghdr header;
  union {
    struct rtmsg route;
    struct fib_rule_hdr rule;
  } body;
  char attributes[64];
};

static void add(struct request *request, unsigned short type, const void *data, size_t count) {
  struct rtattr *attribute = (struct rtattr *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));
  attribute->rta_type = type;
  attribute->rta_len = RTA_LENGTH(count);
  memcpy(RTA_DATA(attribute), data, count);
  request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
}

static int ask(int fd, const struct request *request) {
  if (send(fd, request, request->header.nlmsg_len, 0) < 0) return -errno;
  union {
    char bytes[4096];
    struct nlmsghdr header;
  } answer;
  ssize_t count = recv(fd, &answer, sizeof answer, 0);
  if (count < 0) return -errno;
  if ((size_t)count < NLMSG_LENGTH(sizeof(struct nlmsgerr)) || answer.header.nlmsg_type != NLMSG_ERROR) return -EPROTO;
  return ((struct nlmsgerr *)NLMSG_DATA(&answer.header))->error;
}

int bf_local_table(int fd, int is_new) {
  struct request request = {
      .header = {
          .nlmsg_len = NLMSG_LENGTH(sizeof(struct fib_rule_hdr)), .nlmsg_type = is_new ? RTM_NEWRULE : RTM_DELRULE,
          .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (is_new ? NLM_F_CREATE | NLM_F_EXCL : 0)},
      .body.rule = {.family = AF_INET, .table = TABLE, .action = FR_ACT_TO_TBL}};
  uint32_t priority = TABLE;
  add(&request, FRA_PRIORITY, &priority, sizeof priority);
  int result = ask(fd, &request);
  return result == -EEXIST ? 0 : result;
}

int bf_local_route(int fd, int is_new, int interface, uint32_t address) {
  struct request request = {
      .header = {
          .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)), .nlmsg_type = is_new ? RTM_NEWROUTE : RTM_DELROUTE,
          .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (is_new ? NLM_F_CREATE | NLM_F_REPLACE : 0)},
      .body.route = {
          .rtm_family = AF_INET, .rtm_dst_len = 32, .rtm_table = TABLE, .rtm_protocol = RTPROT_STATIC,
          .rtm_scope = RT_SCOPE_HOST, .rtm_type = RTN_LOCAL}};
  uint32_t destination = htonl(address);
  add(&request, RTA_DST, &destination, sizeof destination);
  add(&request, RTA_OIF, &interface, sizeof interface);
  return ask(fd, &request);
}
