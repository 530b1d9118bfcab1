#include "tasks/archive_api.h"

#include "base/shared_library.h"

namespace podium::tasks {
namespace {

Status FindAll(SharedLibrary& library, ArchiveApi& api) {
  PODIUM_TRY(library.Find("archive_read_new", api.read_new));
  PODIUM_TRY(library.Find("archive_read_free", api.read_free));
  PODIUM_TRY(library.Find("archive_error_string", api.error_string));
  PODIUM_TRY(library.Find("archive_read_data", api.read_data));
  PODIUM_TRY(library.Find("archive_read_next_header", api.read_next_header));
  PODIUM_TRY(library.Find("archive_read_open_filename", api.read_open_filename));
  PODIUM_TRY(library.Find("archive_read_open_memory", api.read_open_memory));
  PODIUM_TRY(library.Find("archive_read_support_filter_all", api.read_support_filter_all));
  PODIUM_TRY(library.Find("archive_read_support_filter_gzip", api.read_support_filter_gzip));
  PODIUM_TRY(library.Find("archive_read_support_filter_bzip2", api.read_support_filter_bzip2));
  PODIUM_TRY(library.Find("archive_read_support_filter_xz", api.read_support_filter_xz));
  PODIUM_TRY(library.Find("archive_read_support_format_ar", api.read_support_format_ar));
  PODIUM_TRY(library.Find("archive_read_support_format_raw", api.read_support_format_raw));
  PODIUM_TRY(library.Find("archive_read_support_format_tar", api.read_support_format_tar));
  return library.Find("archive_entry_pathname", api.entry_pathname);
}

Result<const ArchiveApi*> Load() {
  static SharedLibrary library("libarchive.so.13");
  static ArchiveApi api{};
  PODIUM_TRY(FindAll(library, api));
  return &api;
}

}  // namespace

Result<const ArchiveApi*> LoadArchiveApi() {
  static const Result<const ArchiveApi*> loaded = Load();
  return loaded;
}

}  // namespace podium::tasks
