#pragma once

#include <archive.h>
#include <archive_entry.h>

#include "base/result.h"

namespace podium::tasks {

// The functions of libarchive that Podium calls, by their names without "archive_".
struct ArchiveApi {
  decltype(&::archive_read_new) read_new;
  decltype(&::archive_read_free) read_free;
  decltype(&::archive_error_string) error_string;
  decltype(&::archive_read_data) read_data;
  decltype(&::archive_read_next_header) read_next_header;
  decltype(&::archive_read_open_filename) read_open_filename;
  decltype(&::archive_read_open_memory) read_open_memory;
  decltype(&::archive_read_support_filter_all) read_support_filter_all;
  decltype(&::archive_read_support_filter_gzip) read_support_filter_gzip;
  decltype(&::archive_read_support_filter_bzip2) read_support_filter_bzip2;
  decltype(&::archive_read_support_filter_xz) read_support_filter_xz;
  decltype(&::archive_read_support_format_ar) read_support_format_ar;
  decltype(&::archive_read_support_format_raw) read_support_format_raw;
  decltype(&::archive_read_support_format_tar) read_support_format_tar;
  decltype(&::archive_entry_pathname) entry_pathname;
};

// libarchive, loaded at the first call, from any thread; it brings thirty megabytes of libraries
// that only the preparation of a task's data needs. kUnavailable where libarchive.so.13 is not
// installed. The table lives as long as the process.
[[nodiscard]] Result<const ArchiveApi*> LoadArchiveApi();

}  // namespace podium::tasks
