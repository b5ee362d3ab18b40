#define _GNU_SOURCE
#include "privileges.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int bf_find_user(const char *name, uint32_t *user, uint32_t *group) {
  struct passwd entry, *found = 0;
  char buffer[4096];
  int error = getpwnam_r(name, &entry, buffer, sizeof buffer, &found);
  if (error) return -error;
  if (!found) return -ENOENT;
  *user = entry.pw_uid;
  *group = entry.pw_gid;
  return 0;
}

int bf_name_user(uint32_t user, char *name, uint32_t room) {
  struct passwd entry, *found = 0;
  char buffer[4096];
  int error = getpwuid_r(user, &entry, buffer, sizeof buffer, &found);
  if (error) return -error;
  if (!found) return -ENOENT;
  strncpy(name, entry.pw_name, room - 1);
  name[room - 1] = 0;
  return 0;
}

int bf_may_read(uint32_t user, uint32_t group, const char *path) {
  gid_t groups[1024];
  int count = getgroups(1024, groups);
  if (count < 0) return -errno;
  // These change the calling thread alone; glibc's own would change all. Leaving user 0 hides its capabilities.
  if (syscall(SYS_setgroups, 0, 0) < 0) return -errno;
  gid_t own_group = (gid_t)setfsgid(group);
  uid_t own_user = (uid_t)setfsuid(user);
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  int result = file < 0 ? -errno : 0;
  if (file >= 0) close(file);
  setfsuid(own_user);
  setfsgid(own_group);
  // A thread that kept the wrong groups must not go on.
  if (syscall(SYS_setgroups, (size_t)count, groups) < 0) abort();
  return result;
}

static int give(int folder, uint32_t user, uint32_t group, int depth) {
  DIR *entries = 0;
  int result = fchown(folder, user, group) < 0 ? -errno : 0;
  if (result == 0 && !(entries = fdopendir(folder))) result = -errno;
  if (!entries) {
    close(folder);
    return result;
  }
  for (struct dirent *entry; result == 0 && (entry = readdir(entries));) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    // Whoever had the folder before may have put anything into it: a link, or another name of somebody else's file.
    int file = openat(dirfd(entries), entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    struct stat facts;
    if (file < 0) {
      if (errno != ENOENT && errno != ELOOP && errno != ENXIO) result = -errno;
    } else if (fstat(file, &facts) < 0) {
      result = -errno;
      close(file);
    } else if (S_ISDIR(facts.st_mode) && depth > 0) {
      result = give(file, user, group, depth - 1);
    } else {
      if (S_ISREG(facts.st_mode) && facts.st_nlink == 1 && fchown(file, user, group) < 0) result = -errno;
      close(file);
    }
  }
  closedir(entries);
  return result;
}

int bf_give_folder(const char *path, uint32_t user, uint32_t group) {
  if (mkdir(path, 0755) < 0 && errno != EEXIST) return -errno;
  int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return folder < 0 ? -errno : give(folder, user, group, 4);
}
