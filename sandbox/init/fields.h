#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

namespace podium::sandbox::init {

// Reads the fields of a frame in order; a frame that does not add up ends init (the host is
// trusted, so this is a bug).
struct Fields {
  const char* at;
  const char* end;
  uint32_t Number() {
    uint32_t v;
    if (end - at < 4) _exit(91);
    memcpy(&v, at, 4);
    at += 4;
    return v;
  }
  const char* Bytes(uint32_t& size) {
    size = Number();
    if (static_cast<size_t>(end - at) < size) _exit(91);
    const char* p = at;
    at += size;
    return p;
  }
  char* Text() {
    uint32_t size;
    const char* p = Bytes(size);
    char* copy = strndup(p, size);
    if (!copy) _exit(90);
    return copy;
  }
  char** Texts() {
    uint32_t n = Number();
    char** list = static_cast<char**>(calloc(n + 1, sizeof(char*)));
    if (!list) _exit(90);
    for (uint32_t i = 0; i < n; ++i) list[i] = Text();
    return list;
  }
};

inline void FreeTexts(char** list) {
  for (char** p = list; *p; ++p) free(*p);
  free(list);
}

}  // namespace podium::sandbox::init
