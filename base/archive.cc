#include "base/archive.h"

#include "base/shared_library.h"

namespace podium {
namespace {

Status FindAll(SharedLibrary& library, ArchiveApi& api) {
  PODIUM_TRY(library.Find("archive_error_string", api.error_string));
  PODIUM_TRY(library.Find("archive_entry_clear", api.entry_clear));
  PODIUM_TRY(library.Find("archive_entry_filetype", api.entry_filetype));
  PODIUM_TRY(library.Find("archive_entry_free", api.entry_free));
  PODIUM_TRY(library.Find("archive_entry_gid", api.entry_gid));
  PODIUM_TRY(library.Find("archive_entry_hardlink", api.entry_hardlink));
  PODIUM_TRY(library.Find("archive_entry_mtime", api.entry_mtime));
  PODIUM_TRY(library.Find("archive_entry_new", api.entry_new));
  PODIUM_TRY(library.Find("archive_entry_pathname", api.entry_pathname));
  PODIUM_TRY(library.Find("archive_entry_perm", api.entry_perm));
  PODIUM_TRY(library.Find("archive_entry_set_filetype", api.entry_set_filetype));
  PODIUM_TRY(library.Find("archive_entry_set_gid", api.entry_set_gid));
  PODIUM_TRY(library.Find("archive_entry_set_hardlink", api.entry_set_hardlink));
  PODIUM_TRY(library.Find("archive_entry_set_mtime", api.entry_set_mtime));
  PODIUM_TRY(library.Find("archive_entry_set_pathname", api.entry_set_pathname));
  PODIUM_TRY(library.Find("archive_entry_set_perm", api.entry_set_perm));
  PODIUM_TRY(library.Find("archive_entry_set_size", api.entry_set_size));
  PODIUM_TRY(library.Find("archive_entry_set_symlink", api.entry_set_symlink));
  PODIUM_TRY(library.Find("archive_entry_set_uid", api.entry_set_uid));
  PODIUM_TRY(library.Find("archive_entry_size", api.entry_size));
  PODIUM_TRY(library.Find("archive_entry_sparse_count", api.entry_sparse_count));
  PODIUM_TRY(library.Find("archive_entry_symlink", api.entry_symlink));
  PODIUM_TRY(library.Find("archive_entry_uid", api.entry_uid));
  PODIUM_TRY(library.Find("archive_entry_xattr_count", api.entry_xattr_count));
  PODIUM_TRY(library.Find("archive_entry_xattr_next", api.entry_xattr_next));
  PODIUM_TRY(library.Find("archive_entry_xattr_reset", api.entry_xattr_reset));
  PODIUM_TRY(library.Find("archive_filter_bytes", api.filter_bytes));
  PODIUM_TRY(library.Find("archive_read_data", api.read_data));
  PODIUM_TRY(library.Find("archive_read_data_block", api.read_data_block));
  PODIUM_TRY(library.Find("archive_read_free", api.read_free));
  PODIUM_TRY(library.Find("archive_read_new", api.read_new));
  PODIUM_TRY(library.Find("archive_read_next_header", api.read_next_header));
  PODIUM_TRY(library.Find("archive_read_open", api.read_open));
  PODIUM_TRY(library.Find("archive_read_open_fd", api.read_open_fd));
  PODIUM_TRY(library.Find("archive_read_open_filename", api.read_open_filename));
  PODIUM_TRY(library.Find("archive_read_open_memory", api.read_open_memory));
  PODIUM_TRY(library.Find("archive_read_support_filter_all", api.read_support_filter_all));
  PODIUM_TRY(library.Find("archive_read_support_filter_bzip2", api.read_support_filter_bzip2));
  PODIUM_TRY(library.Find("archive_read_support_filter_gzip", api.read_support_filter_gzip));
  PODIUM_TRY(library.Find("archive_read_support_filter_xz", api.read_support_filter_xz));
  PODIUM_TRY(library.Find("archive_read_support_filter_zstd", api.read_support_filter_zstd));
  PODIUM_TRY(library.Find("archive_read_support_format_ar", api.read_support_format_ar));
  PODIUM_TRY(library.Find("archive_read_support_format_raw", api.read_support_format_raw));
  PODIUM_TRY(library.Find("archive_read_support_format_tar", api.read_support_format_tar));
  PODIUM_TRY(library.Find("archive_write_add_filter_zstd", api.write_add_filter_zstd));
  PODIUM_TRY(library.Find("archive_write_close", api.write_close));
  PODIUM_TRY(library.Find("archive_write_data", api.write_data));
  PODIUM_TRY(library.Find("archive_write_free", api.write_free));
  PODIUM_TRY(library.Find("archive_write_header", api.write_header));
  PODIUM_TRY(library.Find("archive_write_new", api.write_new));
  PODIUM_TRY(library.Find("archive_write_open_filename", api.write_open_filename));
  PODIUM_TRY(
      library.Find("archive_write_set_format_pax_restricted", api.write_set_format_pax_restricted));
  return library.Find("archive_write_set_options", api.write_set_options);
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

const ArchiveApi& Archive() {
  static const ArchiveApi& api = *LoadArchiveApi().value();
  return api;
}

}  // namespace podium
