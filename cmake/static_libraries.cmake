# Programs start as fast as the loader lets them: with fifty shared libraries `podium` took 9 ms to reach main, and
# grading a small submission takes one. What it always needs is linked in, from the archives of the distribution's -dev
# packages where they are there; what it seldom needs (libcurl, libarchive) is loaded when it is used.
function(podium_use_archive target archive)
  find_library(PODIUM_ARCHIVE_${archive} NAMES lib${archive}.a)
  if(NOT PODIUM_ARCHIVE_${archive})
    return()
  endif()
  get_target_property(configs ${target} IMPORTED_CONFIGURATIONS)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${PODIUM_ARCHIVE_${archive}})
  foreach(config ${configs})
    set_target_properties(${target} PROPERTIES IMPORTED_LOCATION_${config} ${PODIUM_ARCHIVE_${archive}})
  endforeach()
endfunction()
podium_use_archive(yaml-cpp yaml-cpp)
podium_use_archive(OpenSSL::Crypto crypto)
podium_use_archive(OpenSSL::SSL ssl)
podium_use_archive(SQLite::SQLite3 sqlite3)
podium_use_archive(LibLZMA::LibLZMA lzma)
podium_use_archive(ZLIB::ZLIB z)

# The C++ runtime inside the program.
function(podium_static_runtime target)
  if(NOT PODIUM_SANITIZE)
    target_link_options(${target} PRIVATE -static-libstdc++ -static-libgcc)
  endif()
endfunction()

# No shared library at all: for a program that loads none and looks up no host or user name.
function(podium_static_program target)
  if(NOT PODIUM_SANITIZE)
    target_link_options(${target} PRIVATE -static)
  endif()
endfunction()
