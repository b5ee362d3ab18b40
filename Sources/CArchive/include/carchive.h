#pragma once
#include <archive.h>
#include <archive_entry.h>

// libarchive, loaded when something is unpacked: it brings ten libraries, ICU among them, which a command that unpacks
// nothing need not wait for. Nothing of it is linked, so these stand for libarchive's functions of the same names.

// Loads libarchive, once; null, or why that failed. To be called before any other.
const char *bf_archive_load(void);

struct archive *bf_archive_read_new(void);
int bf_archive_read_free(struct archive *archive);
int bf_archive_read_support_filter_xz(struct archive *archive);
int bf_archive_read_support_filter_gzip(struct archive *archive);
int bf_archive_read_support_filter_zstd(struct archive *archive);
int bf_archive_read_support_filter_bzip2(struct archive *archive);
int bf_archive_read_support_filter_lzma(struct archive *archive);
int bf_archive_read_support_format_tar(struct archive *archive);
int bf_archive_read_open(struct archive *archive, void *client, archive_read_callback *read);
int bf_archive_read_next_header(struct archive *archive, struct archive_entry **entry);
la_ssize_t bf_archive_read_data(struct archive *archive, void *buffer, size_t size);
const char *bf_archive_error_string(struct archive *archive);

const char *bf_archive_entry_pathname(struct archive_entry *entry);
const char *bf_archive_entry_hardlink(struct archive_entry *entry);
const char *bf_archive_entry_symlink(struct archive_entry *entry);
la_int64_t bf_archive_entry_size(struct archive_entry *entry);
la_int64_t bf_archive_entry_uid(struct archive_entry *entry);
la_int64_t bf_archive_entry_gid(struct archive_entry *entry);
time_t bf_archive_entry_mtime(struct archive_entry *entry);
__LA_MODE_T bf_archive_entry_filetype(struct archive_entry *entry);
__LA_MODE_T bf_archive_entry_perm(struct archive_entry *entry);
dev_t bf_archive_entry_rdevmajor(struct archive_entry *entry);
dev_t bf_archive_entry_rdevminor(struct archive_entry *entry);
int bf_archive_entry_xattr_reset(struct archive_entry *entry);
int bf_archive_entry_xattr_next(struct archive_entry *entry, const char **name, const void **value, size_t *size);
