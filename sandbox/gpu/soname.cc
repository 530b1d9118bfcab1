#include "sandbox/gpu/soname.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <vector>

#include "base/unique_fd.h"

namespace podium::sandbox {
namespace {

template <class T>
std::optional<T> ReadAt(int fd, std::uint64_t offset) {
  T out{};
  if (offset > (std::uint64_t{1} << 40) ||
      ::pread(fd, &out, sizeof out, static_cast<off_t>(offset)) != static_cast<ssize_t>(sizeof out))
    return std::nullopt;
  return out;
}

std::optional<std::uint64_t> OffsetOf(const std::vector<Elf64_Phdr>& parts, std::uint64_t address) {
  for (const auto& part : parts) {
    if (part.p_type == PT_LOAD && address >= part.p_vaddr && address - part.p_vaddr < part.p_filesz)
      return part.p_offset + (address - part.p_vaddr);
  }
  return std::nullopt;
}

std::string NameAt(int fd, std::uint64_t offset) {
  auto text = ReadAt<std::array<char, 128>>(fd, offset);
  if (!text) return "";
  auto end = std::ranges::find(*text, '\0');
  std::string name(text->begin(), end);
  bool plain = end != text->end() && name.starts_with("lib") &&
               std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f && c != '/'; });
  return plain ? name : "";
}

}  // namespace

// System V ABI, chapter 5: PT_DYNAMIC lists DT_STRTAB (an address) and DT_SONAME (an offset in it).
std::string ReadSoname(const std::filesystem::path& library) {
  UniqueFd fd(::open(library.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  auto header = fd ? ReadAt<Elf64_Ehdr>(fd.get(), 0) : std::nullopt;
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
      header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
      header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum > 64)
    return "";
  std::vector<Elf64_Phdr> parts;
  for (std::uint64_t i = 0; i < header->e_phnum; ++i) {
    auto part = ReadAt<Elf64_Phdr>(fd.get(), header->e_phoff + i * sizeof(Elf64_Phdr));
    if (!part) return "";
    parts.push_back(*part);
  }
  auto dynamic = std::ranges::find(parts, Elf64_Word{PT_DYNAMIC}, &Elf64_Phdr::p_type);
  if (dynamic == parts.end()) return "";
  std::uint64_t strings = 0, name = 0;
  for (std::uint64_t i = 0;
       i < std::min<std::uint64_t>(dynamic->p_filesz / sizeof(Elf64_Dyn), 1000); ++i) {
    auto entry = ReadAt<Elf64_Dyn>(fd.get(), dynamic->p_offset + i * sizeof(Elf64_Dyn));
    if (!entry || entry->d_tag == DT_NULL) break;
    if (entry->d_tag == DT_STRTAB) strings = entry->d_un.d_ptr;
    if (entry->d_tag == DT_SONAME) name = entry->d_un.d_val;
  }
  auto table = OffsetOf(parts, strings);
  return table && name != 0 ? NameAt(fd.get(), *table + name) : "";
}

}  // namespace podium::sandbox
