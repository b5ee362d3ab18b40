#include "carchive.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

// Each is of the type that archive.h or archive_entry.h declares the function to have.
#define FUNCTIONS(each)                                                                                               \
  each(read_new) each(read_free) each(read_support_filter_xz) each(read_support_filter_gzip)                          \
  each(read_support_filter_zstd) each(read_support_filter_bzip2) each(read_support_filter_lzma)                       \
  each(read_support_format_tar) each(read_open) each(read_next_header) each(read_data) each(error_string)             \
  each(entry_pathname) each(entry_hardlink) each(entry_symlink) each(entry_size) each(entry_uid) each(entry_gid)      \
  each(entry_mtime) each(entry_filetype) each(entry_perm) each(entry_rdevmajor) each(entry_rdevminor)                 \
  each(entry_xattr_reset) each(entry_xattr_next)

#define DECLARE(name) static __typeof__(archive_##name) *name;
FUNCTIONS(DECLARE)

static const char *problem;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
  void *library = dlopen("libarchive.so.13", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    problem = dlerror();
    return;
  }
#define FIND(name)                                                                                                    \
  if (!(name = (__typeof__(name))dlsym(library, "archive_" #name))) {                                                 \
    problem = "libarchive.so.13 has no archive_" #name;                                                               \
    return;                                                                                                           \
  }
  FUNCTIONS(FIND)
}

const char *bf_archive_load(void) {
  pthread_once(&once, load);
  return problem;
}

struct archive *bf_archive_read_new(void) { return read_new(); }
int bf_archive_read_free(struct archive *archive) { return read_free(archive); }
int bf_archive_read_support_filter_xz(struct archive *archive) { return read_support_filter_xz(archive); }
int bf_archive_read_support_filter_gzip(struct archive *archive) { return read_support_filter_gzip(archive); }
int bf_archive_read_support_filter_zstd(struct archive *archive) { return read_support_filter_zstd(archive); }
int bf_archive_read_support_filter_bzip2(struct archive *archive) { return read_support_filter_bzip2(archive); }
int bf_archive_read_support_filter_lzma(struct archive *archive) { return read_support_filter_lzma(archive); }
int bf_archive_read_support_format_tar(struct archive *archive) { return read_support_format_tar(archive); }
int bf_archive_read_open(struct archive *archive, void *client, archive_read_callback *read) {
  return read_open(archive, client, NULL, read, NULL);
}
int bf_archive_read_next_header(struct archive *archive, struct archive_entry **entry) {
  return read_next_header(archive, entry);
}
la_ssize_t bf_archive_read_data(struct archive *archive, void *buffer, size_t size) {
  return read_data(archive, buffer, size);
}
const char *bf_archive_error_string(struct archive *archive) { return error_string(archive); }

const char *bf_archive_entry_pathname(struct archive_entry *entry) { return entry_pathname(entry); }
const char *bf_archive_entry_hardlink(struct archive_entry *entry) { return entry_hardlink(entry); }
const char *bf_archive_entry_symlink(struct archive_entry *entry) { return entry_symlink(entry); }
la_int64_t bf_archive_entry_size(struct archive_entry *entry) { return entry_size(entry); }
la_int64_t bf_archive_entry_uid(struct archive_entry *entry) { return entry_uid(entry); }
la_int64_t bf_archive_entry_gid(struct archive_entry *entry) { return entry_gid(entry); }
time_t bf_archive_entry_mtime(struct archive_entry *entry) { return entry_mtime(entry); }
__LA_MODE_T bf_archive_entry_filetype(struct archive_entry *entry) { return entry_filetype(entry); }
__LA_MODE_T bf_archive_entry_perm(struct archive_entry *entry) { return entry_perm(entry); }
dev_t bf_archive_entry_rdevmajor(struct archive_entry *entry) { return entry_rdevmajor(entry); }
dev_t bf_archive_entry_rdevminor(struct archive_entry *entry) { return entry_rdevminor(entry); }
int bf_archive_entry_xattr_reset(struct archive_entry *entry) { return entry_xattr_reset(entry); }
int bf_archive_entry_xattr_next(struct archive_entry *entry, const char **name, const void **value, size_t *size) {
  return entry_xattr_next(entry, name, value, size);
}
