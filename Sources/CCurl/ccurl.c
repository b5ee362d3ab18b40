#include "ccurl.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

// Each is of the type that curl.h declares the function to have.
#define FUNCTIONS(each)                                                                                               \
  each(global_init) each(easy_init) each(easy_cleanup) each(easy_reset) each(easy_strerror) each(easy_setopt)         \
  each(easy_getinfo) each(multi_init) each(multi_cleanup) each(multi_add_handle) each(multi_remove_handle)            \
  each(multi_perform) each(multi_poll) each(multi_info_read) each(multi_strerror)

// The macros of the same names check the types of arguments; here they would only stand in the way.
#undef curl_easy_setopt
#undef curl_easy_getinfo

#define DECLARE(name) static __typeof__(curl_##name) *name;
FUNCTIONS(DECLARE)

static const char *problem;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
  void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    problem = dlerror();
    return;
  }
#define FIND(name)                                                                                                    \
  if (!(name = (__typeof__(name))dlsym(library, "curl_" #name))) {                                                    \
    problem = "libcurl.so.4 has no curl_" #name;                                                                      \
    return;                                                                                                           \
  }
  FUNCTIONS(FIND)
  CURLcode code = global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK) problem = easy_strerror(code);
}

const char *bf_curl_load(void) {
  pthread_once(&once, load);
  return problem;
}

CURL *bf_curl_easy_init(void) { return easy_init(); }
void bf_curl_easy_cleanup(CURL *handle) { easy_cleanup(handle); }
void bf_curl_easy_reset(CURL *handle) { easy_reset(handle); }
const char *bf_curl_easy_strerror(CURLcode code) { return easy_strerror(code); }
CURLM *bf_curl_multi_init(void) { return multi_init(); }
void bf_curl_multi_cleanup(CURLM *multi) { multi_cleanup(multi); }
CURLMcode bf_curl_multi_add_handle(CURLM *multi, CURL *handle) { return multi_add_handle(multi, handle); }
CURLMcode bf_curl_multi_remove_handle(CURLM *multi, CURL *handle) { return multi_remove_handle(multi, handle); }
CURLMcode bf_curl_multi_perform(CURLM *multi, int *running) { return multi_perform(multi, running); }
CURLMcode bf_curl_multi_poll(CURLM *multi, int milliseconds) { return multi_poll(multi, NULL, 0, milliseconds, NULL); }
CURLMsg *bf_curl_multi_info_read(CURLM *multi, int *left) { return multi_info_read(multi, left); }
const char *bf_curl_multi_strerror(CURLMcode code) { return multi_strerror(code); }

CURLcode bf_curl_set_long(CURL *handle, CURLoption option, long value) { return easy_setopt(handle, option, value); }
CURLcode bf_curl_set_string(CURL *handle, CURLoption option, const char *value) {
  return easy_setopt(handle, option, value);
}
CURLcode bf_curl_set_pointer(CURL *handle, CURLoption option, void *value) { return easy_setopt(handle, option, value); }
CURLcode bf_curl_set_write(CURL *handle, size_t (*callback)(char *, size_t, size_t, void *)) {
  return easy_setopt(handle, CURLOPT_WRITEFUNCTION, callback);
}
CURLcode bf_curl_get_long(CURL *handle, CURLINFO info, long *value) { return easy_getinfo(handle, info, value); }
