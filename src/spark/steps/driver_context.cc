#include "spark/steps/driver_context.h"

#include <fmt/format.h>

#include "spark/uris.h"

namespace stoker::spark {

Result<std::optional<ConfiguredFile>> configured_file(const DriverContext& context, const std::string& key,
                                                      std::size_t limit_bytes) {
  TRY_ASSIGN(const auto path, context.configuration.text(key));
  if (!path) return std::optional<ConfiguredFile>();
  if (path->empty())
    return Error{.code = ErrorCode::invalid_value,
                 .message = fmt::format("{} is empty", key),
                 .hint = "write the path of a file, or leave the key out"};
  const std::string_view scheme = split_uri(*path).scheme;
  const bool is_here = scheme.empty() || scheme == "file" || scheme == "local";
  const std::string absolute = is_here ? context.surroundings.absolute_path(local_path(*path)) : *path;
  auto content = is_here ? context.surroundings.read(absolute, limit_bytes)
                         : context.surroundings.download(*path, context.request.hadoop, limit_bytes);
  if (!content) return std::move(content).error().with_context(key);
  return std::optional(ConfiguredFile{*path, std::string(last_part(absolute)), *std::move(content)});
}

}  // namespace stoker::spark
