#pragma once

#include <archive.h>
#include <archive_entry.h>

#include "base/result.h"

namespace podium {

// The functions of libarchive that Podium calls, by their names without "archive_". One more is a
// line here and one in archive.cc.
struct ArchiveApi {
  decltype(&::archive_error_string) error_string;
  decltype(&::archive_entry_clear) entry_clear;
  decltype(&::archive_entry_filetype) entry_filetype;
  decltype(&::archive_entry_free) entry_free;
  decltype(&::archive_entry_gid) entry_gid;
  decltype(&::archive_entry_hardlink) entry_hardlink;
  decltype(&::archive_entry_mtime) entry_mtime;
  decltype(&::archive_entry_new) entry_new;
  decltype(&::archive_entry_pathname) entry_pathname;
  decltype(&::archive_entry_perm) entry_perm;
  decltype(&::archive_entry_set_filetype) entry_set_filetype;
  decltype(&::archive_entry_set_gid) entry_set_gid;
  decltype(&::archive_entry_set_hardlink) entry_set_hardlink;
  decltype(&::archive_entry_set_mtime) entry_set_mtime;
  decltype(&::archive_entry_set_pathname) entry_set_pathname;
  decltype(&::archive_entry_set_perm) entry_set_perm;
  decltype(&::archive_entry_set_size) entry_set_size;
  decltype(&::archive_entry_set_symlink) entry_set_symlink;
  decltype(&::archive_entry_set_uid) entry_set_uid;
  decltype(&::archive_entry_size) entry_size;
  decltype(&::archive_entry_sparse_count) entry_sparse_count;
  decltype(&::archive_entry_symlink) entry_symlink;
  decltype(&::archive_entry_uid) entry_uid;
  decltype(&::archive_entry_xattr_count) entry_xattr_count;
  decltype(&::archive_entry_xattr_next) entry_xattr_next;
  decltype(&::archive_entry_xattr_reset) entry_xattr_reset;
  decltype(&::archive_filter_bytes) filter_bytes;
  decltype(&::archive_read_data) read_data;
  decltype(&::archive_read_data_block) read_data_block;
  decltype(&::archive_read_free) read_free;
  decltype(&::archive_read_new) read_new;
  decltype(&::archive_read_next_header) read_next_header;
  decltype(&::archive_read_open) read_open;
  decltype(&::archive_read_open_fd) read_open_fd;
  decltype(&::archive_read_open_filename) read_open_filename;
  decltype(&::archive_read_open_memory) read_open_memory;
  decltype(&::archive_read_support_filter_all) read_support_filter_all;
  decltype(&::archive_read_support_filter_bzip2) read_support_filter_bzip2;
  decltype(&::archive_read_support_filter_gzip) read_support_filter_gzip;
  decltype(&::archive_read_support_filter_xz) read_support_filter_xz;
  decltype(&::archive_read_support_filter_zstd) read_support_filter_zstd;
  decltype(&::archive_read_support_format_ar) read_support_format_ar;
  decltype(&::archive_read_support_format_raw) read_support_format_raw;
  decltype(&::archive_read_support_format_tar) read_support_format_tar;
  decltype(&::archive_write_add_filter_zstd) write_add_filter_zstd;
  decltype(&::archive_write_close) write_close;
  decltype(&::archive_write_data) write_data;
  decltype(&::archive_write_free) write_free;
  decltype(&::archive_write_header) write_header;
  decltype(&::archive_write_new) write_new;
  decltype(&::archive_write_open_filename) write_open_filename;
  decltype(&::archive_write_set_format_pax_restricted) write_set_format_pax_restricted;
  decltype(&::archive_write_set_options) write_set_options;
};

// libarchive, loaded at the first call, from any thread; it brings thirty megabytes of libraries
// that only images and the preparation of a task's data need. kUnavailable where libarchive.so.13
// is not installed. The table lives as long as the process.
[[nodiscard]] Result<const ArchiveApi*> LoadArchiveApi();

// The same table where a call of LoadArchiveApi has succeeded before; ends the process otherwise.
[[nodiscard]] const ArchiveApi& Archive();

}  // namespace podium
