#include "agents/trial_context.h"

#include <fcntl.h>

#include <cerrno>

#include "base/files.h"

namespace podium::agents {

Result<ShapeVerdict> CheckFileShape(const std::filesystem::path& file,
                                    const std::function<ShapeVerdict(std::string_view)>& check) {
  PODIUM_ASSIGN(auto fd, OpenRegular(file));
  PODIUM_ASSIGN(auto map, MappedFile::Map(fd.get()));
  return check(map.bytes());
}

}  // namespace podium::agents
