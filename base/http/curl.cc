#include "base/http/curl.h"

#include <string>

#include "base/shared_library.h"

namespace podium {
namespace {

Status FindAll(SharedLibrary& library, CurlApi& api) {
  PODIUM_TRY(library.Find("curl_global_init", api.global_init));
  PODIUM_TRY(library.Find("curl_easy_init", api.easy_init));
  PODIUM_TRY(library.Find("curl_easy_cleanup", api.easy_cleanup));
  PODIUM_TRY(library.Find("curl_easy_setopt", api.easy_setopt));
  PODIUM_TRY(library.Find("curl_easy_getinfo", api.easy_getinfo));
  PODIUM_TRY(library.Find("curl_easy_perform", api.easy_perform));
  PODIUM_TRY(library.Find("curl_easy_strerror", api.easy_strerror));
  PODIUM_TRY(library.Find("curl_easy_pause", api.easy_pause));
  PODIUM_TRY(library.Find("curl_slist_append", api.slist_append));
  PODIUM_TRY(library.Find("curl_slist_free_all", api.slist_free_all));
  PODIUM_TRY(library.Find("curl_multi_init", api.multi_init));
  PODIUM_TRY(library.Find("curl_multi_cleanup", api.multi_cleanup));
  PODIUM_TRY(library.Find("curl_multi_add_handle", api.multi_add_handle));
  PODIUM_TRY(library.Find("curl_multi_remove_handle", api.multi_remove_handle));
  PODIUM_TRY(library.Find("curl_multi_setopt", api.multi_setopt));
  PODIUM_TRY(library.Find("curl_multi_socket_action", api.multi_socket_action));
  return library.Find("curl_multi_info_read", api.multi_info_read);
}

Result<const CurlApi*> Load() {
  static SharedLibrary library("libcurl.so.4");
  static CurlApi api{};
  PODIUM_TRY(FindAll(library, api));
  if (CURLcode code = api.global_init(CURL_GLOBAL_DEFAULT); code != CURLE_OK)
    return Fail(ErrorCode::kUnavailable,
                std::string("libcurl does not start: ") + api.easy_strerror(code));
  return &api;
}

}  // namespace

Result<const CurlApi*> Curl() {
  static const Result<const CurlApi*> loaded = Load();
  return loaded;
}

}  // namespace podium
