// A load of TFTP or HTTP clients in one thread, for the benchmarks: every byte that arrives is compared with the file that
// was expected, so that the client costs little and is the same for every server.
//
//   netload tftp|http ADDRESS PORT NAME EXPECTED CLIENTS [BLKSIZE WINDOW]
//
// Each client has an address of its own in 127.0.0.0/8 (servers limit what one client may take). Prints one line:
// wall seconds, CPU seconds of this process, clients that got the file whole, retransmissions, the slowest client's
// seconds and the median's.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct client {
  int fd, done, connected;
  size_t received, content_start;
  uint32_t expected_block, unacknowledged;
  double heard, began, ended;
  char head[2048];
  size_t head_count;
};

static struct client *clients;
static const uint8_t *expected;
static size_t expected_size;
static unsigned client_count;
static int block_size = 512, window = 1, retries, epoll_fd;
static struct sockaddr_in server;
static const char *name;
static uint8_t buffer[1 << 18];

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

static void die(const char *what) {
  fprintf(stderr, "netload: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void end(struct client *c, int good) {
  c->done = good ? 1 : -1;
  c->ended = now();
  close(c->fd);
}

static void ask(struct client *c) {
  char request[600];
  size_t count = 2;
  memcpy(request, "\0\1", 2);
  count += sprintf(request + count, "%s", name) + 1;
  count += sprintf(request + count, "octet") + 1;
  if (block_size != 512) {
    count += sprintf(request + count, "blksize") + 1;
    count += sprintf(request + count, "%d", block_size) + 1;
  }
  if (window != 1) {
    count += sprintf(request + count, "windowsize") + 1;
    count += sprintf(request + count, "%d", window) + 1;
  }
  if (sendto(c->fd, request, count, 0, (void *)&server, sizeof server) < 0) die("sendto");
  c->heard = now();
}

static void acknowledge(struct client *c, uint16_t block) {
  uint8_t packet[4] = {0, 4, block >> 8, block};
  send(c->fd, packet, 4, 0);
  c->unacknowledged = 0;
}

static void hear_tftp(struct client *c) {
  // At most so many in a row, so that no client waits for another's window.
  for (int turn = 0; turn < 64 && !c->done; turn++) {
    ssize_t count;
    if (c->connected) {
      count = recv(c->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    } else {
      struct sockaddr_in from;
      socklen_t length = sizeof from;
      count = recvfrom(c->fd, buffer, sizeof buffer, MSG_DONTWAIT, (void *)&from, &length);
      if (count >= 4 && connect(c->fd, (void *)&from, length) == 0) c->connected = 1;
    }
    if (count < 0) {
      if (errno != EAGAIN) end(c, 0);
      return;
    }
    c->heard = now();
    if (count >= 2 && buffer[1] == 6) {
      acknowledge(c, 0);
      continue;
    }
    if (count < 4 || buffer[1] != 3) {
      if (getenv("NETLOAD_DEBUG")) fprintf(stderr, "netload: %zd bytes, operation %d: %s\n", count, buffer[1], buffer + 4);
      return end(c, 0);
    }
    uint16_t block = buffer[2] << 8 | buffer[3];
    if (block != (uint16_t)c->expected_block) {
      // Of a window the last good block is told again, once.
      if (window > 1 && (uint16_t)(block - c->expected_block) < 32768 && c->unacknowledged != 99999) {
        acknowledge(c, c->expected_block - 1);
        c->unacknowledged = 99999;
      }
      continue;
    }
    if (c->unacknowledged == 99999) c->unacknowledged = 0;
    size_t size = count - 4;
    if (c->received + size > expected_size || memcmp(buffer + 4, expected + c->received, size) != 0) return end(c, 0);
    c->received += size;
    c->expected_block++;
    int last = size < (size_t)block_size;
    if (++c->unacknowledged >= (uint32_t)window || last) acknowledge(c, block);
    if (last) end(c, c->received == expected_size);
  }
}

static void hear_http(struct client *c) {
  if (!c->connected) {
    char request[600];
    int count = snprintf(request, sizeof request, "GET /%s HTTP/1.1\r\nHost: bench\r\n\r\n", name);
    if (send(c->fd, request, count, MSG_NOSIGNAL) != count) return end(c, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
    c->connected = 1;
    return;
  }
  for (int turn = 0; turn < 4 && !c->done; turn++) {
    ssize_t count = recv(c->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) return end(c, 0);
    uint8_t *content = buffer;
    size_t size = count;
    if (!c->content_start) {
      size_t take = size < sizeof c->head - 1 - c->head_count ? size : sizeof c->head - 1 - c->head_count;
      memcpy(c->head + c->head_count, buffer, take);
      size_t before = c->head_count;
      c->head_count += take;
      c->head[c->head_count] = 0;
      char *blank = strstr(c->head, "\r\n\r\n");
      if (!blank) continue;
      if (strncmp(c->head, "HTTP/1.1 200", 12) != 0) return end(c, 0);
      c->content_start = blank + 4 - c->head;
      content = buffer + (c->content_start - before);
      size -= c->content_start - before;
    }
    if (c->received + size > expected_size || memcmp(content, expected + c->received, size) != 0) return end(c, 0);
    c->received += size;
    if (c->received == expected_size) end(c, 1);
  }
}

static int by_time(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

int main(int count, char **words) {
  if (count < 7) return 2;
  int is_tftp = strcmp(words[1], "tftp") == 0;
  server.sin_family = AF_INET;
  inet_pton(AF_INET, words[2], &server.sin_addr);
  server.sin_port = htons(atoi(words[3]));
  name = words[4];
  int file = open(words[5], O_RDONLY);
  struct stat facts;
  if (file < 0 || fstat(file, &facts) < 0) die(words[5]);
  expected_size = facts.st_size;
  expected = mmap(0, expected_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
  client_count = atoi(words[6]);
  if (client_count < 1 || client_count > 60000) return 2;
  if (count > 7) block_size = atoi(words[7]);
  if (count > 8) window = atoi(words[8]);
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  clients = calloc(client_count, sizeof *clients);
  epoll_fd = epoll_create1(0);
  double began = now();
  for (unsigned index = 0; index < client_count; index++) {
    struct client *c = clients + index;
    c->fd = socket(AF_INET, (is_tftp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0);
    if (c->fd < 0) die("socket");
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010001 + index)};
    if (bind(c->fd, (void *)&own, sizeof own) < 0) die("bind");
    c->began = now();
    c->expected_block = 1;
    int room = 4 << 20;
    if (is_tftp) setsockopt(c->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    struct epoll_event event = {.events = is_tftp ? EPOLLIN : EPOLLOUT, .data.ptr = c};
    if (is_tftp)
      ask(c);
    else if (connect(c->fd, (void *)&server, sizeof server) < 0 && errno != EINPROGRESS)
      die("connect");
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
  }
  double next_look = now() + 0.5, progress = now();
  for (;;) {
    struct epoll_event events[256];
    int ready = epoll_wait(epoll_fd, events, 256, 200);
    for (int index = 0; index < ready; index++) {
      struct client *c = events[index].data.ptr;
      if (!c->done) is_tftp ? hear_tftp(c) : hear_http(c);
    }
    if (ready > 0) progress = now();
    if (now() < next_look) continue;
    next_look = now() + 0.1;
    int left = 0;
    for (unsigned index = 0; index < client_count; index++) {
      struct client *c = clients + index;
      if (c->done) continue;
      left++;
      if (is_tftp && now() - c->heard > 2) {
        retries++;
        if (c->connected) acknowledge(c, c->expected_block - 1);
        else ask(c);
        c->heard = now();
      }
    }
    if (!left) break;
    if (now() - progress > 30) break;
  }
  unsigned good = 0;
  double *times = calloc(client_count, sizeof *times), last = began;
  for (unsigned index = 0; index < client_count; index++) {
    good += clients[index].done == 1;
    times[index] = clients[index].ended - clients[index].began;
    if (clients[index].ended > last) last = clients[index].ended;
  }
  qsort(times, client_count, sizeof *times, by_time);
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
  printf("{\"wall\": %.4f, \"cpu\": %.3f, \"good\": %d, \"retries\": %d, \"slowest\": %.3f, \"median\": %.3f}\n", last - began,
         cpu, good, retries, times[client_count - 1], times[client_count / 2]);
  return good == client_count ? 0 : 1;
}
