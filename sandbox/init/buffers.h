#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

namespace podium::sandbox::init {

// Bytes on their way. Out of memory ends init, and the container with it.
struct Buffer {
  char* data = nullptr;
  size_t size = 0;
  size_t room = 0;

  void Append(const void* bytes, size_t n) {
    if (size + n > room) {
      room = (size + n) * 2;
      data = static_cast<char*>(realloc(data, room));
      if (!data) _exit(90);
    }
    if (n) memcpy(data + size, bytes, n);
    size += n;
  }
  void Drop(size_t n) {
    memmove(data, data + n, size - n);
    size -= n;
  }
  void Clear() {
    free(data);
    *this = Buffer{};
  }
};

// The last bytes of a command's output, once its head is full.
struct Ring {
  char* data = nullptr;
  size_t room = 0;
  uint64_t written = 0;

  void Start(size_t size) {
    free(data);
    data = size ? static_cast<char*>(malloc(size)) : nullptr;
    room = data ? size : 0;
    written = 0;
  }
  void Append(const char* bytes, size_t n) {
    if (n > room) {
      written += n - room;
      bytes += n - room;
      n = room;
    }
    while (n > 0) {
      size_t at = written % room;
      size_t part = room - at < n ? room - at : n;
      memcpy(data + at, bytes, part);
      written += part;
      bytes += part;
      n -= part;
    }
  }
};

}  // namespace podium::sandbox::init
