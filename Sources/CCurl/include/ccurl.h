#pragma once
#include <curl/curl.h>

// libcurl, loaded when something is fetched: it brings 33 libraries, and to find their symbols took 6 of the 17 ms that
// every command began with. Nothing of it is linked, so these stand for libcurl's functions of the same names.

// Loads libcurl and initialises it, once; null, or why that failed. To be called before any other.
const char *bf_curl_load(void);

CURL *bf_curl_easy_init(void);
void bf_curl_easy_cleanup(CURL *handle);
void bf_curl_easy_reset(CURL *handle);
const char *bf_curl_easy_strerror(CURLcode code);
CURLM *bf_curl_multi_init(void);
void bf_curl_multi_cleanup(CURLM *multi);
CURLMcode bf_curl_multi_add_handle(CURLM *multi, CURL *handle);
CURLMcode bf_curl_multi_remove_handle(CURLM *multi, CURL *handle);
CURLMcode bf_curl_multi_perform(CURLM *multi, int *running);
CURLMcode bf_curl_multi_poll(CURLM *multi, int milliseconds);
CURLMsg *bf_curl_multi_info_read(CURLM *multi, int *left);
const char *bf_curl_multi_strerror(CURLMcode code);

// curl_easy_setopt is variadic, which Swift cannot call: one typed wrapper for each kind of argument.
CURLcode bf_curl_set_long(CURL *handle, CURLoption option, long value);
CURLcode bf_curl_set_string(CURL *handle, CURLoption option, const char *value);
CURLcode bf_curl_set_pointer(CURL *handle, CURLoption option, void *value);
CURLcode bf_curl_set_write(CURL *handle, size_t (*callback)(char *, size_t, size_t, void *));
CURLcode bf_curl_get_long(CURL *handle, CURLINFO info, long *value);
