#pragma once
#include <stdint.h>
// Each returns 0 or more on success and -errno on failure.
// A user's number and group by name; 0 where there is none is -ENOENT.
int bf_find_user(const char *name, uint32_t *user, uint32_t *group);
// Every thread of this process becomes this user for ever, with no other group and no capability.
int bf_become_user(uint32_t user, uint32_t group);
// No thread may gain privileges again (no_new_privs), or make the system calls that a server has no use for.
int bf_restrict_calls(void);
