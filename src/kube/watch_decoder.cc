#include "kube/watch_decoder.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "kube/api_error.h"
#include "resources/object.h"

namespace stoker::kube {

namespace {

std::optional<WatchEvent::Kind> kind_of(std::string_view text) {
  if (text == "ADDED") return WatchEvent::Kind::added;
  if (text == "MODIFIED") return WatchEvent::Kind::modified;
  if (text == "DELETED") return WatchEvent::Kind::removed;
  if (text == "BOOKMARK") return WatchEvent::Kind::bookmark;
  return std::nullopt;
}

Result<WatchEvent> decode(std::string_view line) {
  TRY_ASSIGN(json::value value, codec::parse_json(line));
  const json::value* type = value.is_object() ? value.get_object().if_contains("type") : nullptr;
  json::value* object = value.is_object() ? value.get_object().if_contains("object") : nullptr;
  if (type == nullptr || !type->is_string() || object == nullptr || !object->is_object())
    return Error{.code = ErrorCode::corrupt, .message = "a line of the watch is no event"};
  if (type->get_string() == "ERROR") {
    const auto status = static_cast<int>(resources::number_in(object->get_object(), "code"));
    Error error =
        error_of(status_of({.status = status, .headers = {}, .body = codec::write_json(*object)}), "watch", "");
    error.context.clear();  // who watches says what
    return error;
  }
  const auto kind = kind_of(type->get_string());
  if (!kind)
    return Error{
        .code = ErrorCode::corrupt,
        .message = fmt::format("an event of the watch has the unknown type {}", std::string_view(type->get_string()))};
  return WatchEvent{.kind = *kind, .object = std::move(object->get_object())};
}

}  // namespace

Result<void> WatchDecoder::feed(std::string_view piece, const std::function<Result<void>(WatchEvent)>& on_event) {
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    if (line_.size() + std::min(end, piece.size()) > maximum_event_bytes_)
      return Error{.code = ErrorCode::limit_exceeded,
                   .message = fmt::format("an event of the watch has more than {} bytes", maximum_event_bytes_)};
    if (end == std::string_view::npos) {
      line_ += piece;
      return {};
    }
    line_ += piece.substr(0, end);
    piece.remove_prefix(end + 1);
    const std::string line = std::exchange(line_, {});
    if (trim(line).empty()) continue;
    TRY_ASSIGN(WatchEvent event, decode(line));
    TRY(on_event(std::move(event)));
  }
  return {};
}

}  // namespace stoker::kube
