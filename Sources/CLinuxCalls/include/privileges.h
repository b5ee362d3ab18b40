#pragma once
#include <stdint.h>
// Each returns 0 or more on success and -errno on failure.
// A user's number and group by name; 0 where there is none is -ENOENT.
int bf_find_user(const char *name, uint32_t *user, uint32_t *group);
// The name of a user by number, cut to fit.
int bf_name_user(uint32_t user, char *name, uint32_t room);
// 0 where a user, with its one group, may read this file or list this folder; the calling thread asks the kernel as that user.
int bf_may_read(uint32_t user, uint32_t group, const char *path);
// Gives a folder and the plain files and folders in it to a user, following no link; the folder is made if it is missing.
int bf_give_folder(const char *path, uint32_t user, uint32_t group);
#define BF_SAME_USER UINT32_MAX
// Every thread of this process becomes this user for ever (or stays who it is), with no other group and no capability; the
// kernel's word is taken for it, thread by thread.
int bf_give_up(uint32_t user, uint32_t group);
// No thread may gain privileges again (no_new_privs), or make the system calls that a server has no use for.
int bf_restrict_calls(void);
