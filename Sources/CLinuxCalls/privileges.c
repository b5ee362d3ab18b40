#define _GNU_SOURCE
#include "privileges.h"
#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Credentials are each thread's own in Linux. glibc's setresuid(2) makes all threads follow it, except one that is ending, and
// to glibc Swift's main thread is one: it sleeps in dispatch_main, which is a pthread_exit that never returns. And nothing
// makes all threads follow in giving up a capability. So every thread that the kernel still shows with more than it should
// have gets a signal whose handler makes the system calls there, until the kernel shows none.

static uint32_t wanted_user, wanted_group;

// Of the signals that libdispatch leaves open to its threads, the one that nothing else uses here.
#define FOLLOW SIGSYS

// In each thread, with raw system calls.
static void give_up_here(void) {
  if (wanted_user != BF_SAME_USER) {
    syscall(SYS_setgroups, 0, 0);
    syscall(SYS_setresgid, wanted_group, wanted_group, wanted_group);
    syscall(SYS_setresuid, wanted_user, wanted_user, wanted_user);
  }
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {{0}};
  syscall(SYS_capset, &header, none);
}

static void follow(int number) {
  (void)number;
  int before = errno;
  give_up_here();
  errno = before;
}

static int is_all(const char *numbers, uint32_t wanted) {
  uint32_t found[4];
  if (sscanf(numbers, "%u %u %u %u", found, found + 1, found + 2, found + 3) != 4) return 0;
  return found[0] == wanted && found[1] == wanted && found[2] == wanted && found[3] == wanted;
}

// Whether a thread has nothing left to give up, as the kernel shows it; 1 also where it has ended.
static int is_done(const char *task) {
  char path[64], line[4096];
  snprintf(path, sizeof path, "/proc/self/task/%.20s/status", task);
  FILE *status = fopen(path, "re");
  if (!status) return errno == ENOENT || errno == ESRCH;
  int seen = 0, good = 1;
  while (fgets(line, sizeof line, status)) {
    char *value = strchr(line, ':');
    if (!value) continue;
    *value++ = 0;
    int is_own = wanted_user != BF_SAME_USER;
    if (!strcmp(line, "Uid")) {
      seen++;
      if (is_own && !is_all(value, wanted_user)) good = 0;
    } else if (!strcmp(line, "Gid")) {
      seen++;
      if (is_own && !is_all(value, wanted_group)) good = 0;
    } else if (!strcmp(line, "Groups")) {
      seen++;
      if (is_own && value[strspn(value, " \t\n")]) good = 0;
    } else if (!strcmp(line, "CapInh") || !strcmp(line, "CapPrm") || !strcmp(line, "CapEff") || !strcmp(line, "CapAmb")) {
      seen++;
      if (strtoull(value, 0, 16) != 0) good = 0;
    }
  }
  int failed = ferror(status);
  fclose(status);
  // A thread that ends while it is read shows nothing.
  if (failed) return errno == ESRCH;
  return seen == 0 || (seen == 7 && good);
}

static int thread_count(void) {
  char line[256];
  int count = -1;
  FILE *status = fopen("/proc/self/status", "re");
  if (!status) return -1;
  while (fgets(line, sizeof line, status)) sscanf(line, "Threads: %d", &count);
  fclose(status);
  return count;
}

// How many threads still had something to give up, each of which is told to; negative where not all were seen.
static int lead_all(void) {
  DIR *tasks = opendir("/proc/self/task");
  if (!tasks) return -errno;
  int behind = 0, seen = 0, before = thread_count();
  for (struct dirent *task; (task = readdir(tasks));) {
    if (task->d_name[0] == '.') continue;
    seen++;
    if (is_done(task->d_name)) continue;
    behind++;
    syscall(SYS_tgkill, getpid(), atoi(task->d_name), FOLLOW);
  }
  closedir(tasks);
  // The listing ends early where a thread ends meanwhile.
  return seen == before && seen == thread_count() ? behind : behind > 0 ? behind : -EAGAIN;
}

int bf_give_up(uint32_t user, uint32_t group) {
  wanted_user = user;
  wanted_group = group;
  struct sigaction action = {.sa_handler = follow, .sa_flags = SA_RESTART};
  // It stays: a thread that blocks the signal now may take it later.
  if (sigaction(FOLLOW, &action, 0) < 0) return -errno;
  give_up_here();
  // Twice in a row: a thread may have been made by one that had not yet followed.
  for (int turn = 0, clean = 0; turn < 500; turn++) {
    clean = lead_all() == 0 ? clean + 1 : 0;
    if (clean == 2) return user != BF_SAME_USER && user != 0 && setresuid(0, 0, 0) == 0 ? -EPERM : 0;
    struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    nanosleep(&pause, 0);
  }
  return -EPERM;
}
