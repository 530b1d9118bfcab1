#include "agents/trial_context.h"

#include <fcntl.h>

#include <cerrno>

#include "agents/operators/preview.h"
#include "base/files.h"

namespace podium::agents {

Result<ShapeVerdict> CheckFileShape(const std::filesystem::path& file,
                                    const std::function<ShapeVerdict(std::string_view)>& check) {
  PODIUM_ASSIGN(auto fd, OpenRegular(file));
  PODIUM_ASSIGN(auto map, MappedFile::Map(fd.get()));
  return check(map.bytes());
}

Task<Result<std::shared_ptr<const DataPreview>>> PreviewOf(const TrialContext& context) {
  if (context.preview) co_return context.preview;
  auto make = [dir = context.task.public_dir] { return MakePreview(dir); };
  auto made = co_await context.reactor.Blocking(std::move(make), Pool::kTransfer);
  if (!made) co_return tl::unexpected(made.error());
  co_return std::make_shared<const DataPreview>(std::move(*made));
}

}  // namespace podium::agents
