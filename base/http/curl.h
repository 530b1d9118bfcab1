#pragma once

#include <curl/curl.h>

#include "base/result.h"

namespace podium {

// The functions of libcurl that Podium calls, by their names without "curl_". One more is a line
// here and one in curl.cc.
struct CurlApi {
  decltype(&::curl_global_init) global_init;
  decltype(&::curl_easy_init) easy_init;
  decltype(&::curl_easy_cleanup) easy_cleanup;
  decltype(&::curl_easy_setopt) easy_setopt;
  decltype(&::curl_easy_getinfo) easy_getinfo;
  decltype(&::curl_easy_perform) easy_perform;
  decltype(&::curl_easy_strerror) easy_strerror;
  decltype(&::curl_easy_pause) easy_pause;
  decltype(&::curl_slist_append) slist_append;
  decltype(&::curl_slist_free_all) slist_free_all;
  decltype(&::curl_multi_init) multi_init;
  decltype(&::curl_multi_cleanup) multi_cleanup;
  decltype(&::curl_multi_add_handle) multi_add_handle;
  decltype(&::curl_multi_remove_handle) multi_remove_handle;
  decltype(&::curl_multi_setopt) multi_setopt;
  decltype(&::curl_multi_socket_action) multi_socket_action;
  decltype(&::curl_multi_info_read) multi_info_read;
};

// libcurl, loaded and set up (curl_global_init) at the first call, from any thread; later calls
// cost nothing. kUnavailable where libcurl.so.4 is not installed. The table lives as long as the
// process.
[[nodiscard]] Result<const CurlApi*> Curl();

}  // namespace podium
