// A watch comes to the same events however its bytes are cut, and logs to the same lines.
#include "kube/watch_decoder.h"

#include <string>
#include <vector>

#include "fuzz.h"
#include "submission/log_resumer.h"

using namespace stoker;

namespace {

std::string decode(std::string_view data, std::size_t piece_bytes) {
  std::string seen;
  kube::WatchDecoder decoder(1 << 16);
  while (!data.empty()) {
    const std::string_view piece = data.substr(0, piece_bytes);
    data.remove_prefix(piece.size());
    const auto fed = decoder.feed(piece, [&](const kube::WatchEvent& event) -> Result<void> {
      seen += std::to_string(static_cast<int>(event.kind)) + codec::write_json(event.object) + "\n";
      return {};
    });
    if (!fed) return seen + fed.error().message;
  }
  return seen;
}

std::string lines(std::string_view data, std::size_t piece_bytes) {
  std::string seen;
  submission::LogResumer resumer;
  const auto take = [&](std::string_view line) { seen += std::string(line) + "|"; };
  while (!data.empty()) {
    const std::string_view piece = data.substr(0, piece_bytes);
    data.remove_prefix(piece.size());
    resumer.feed(piece, take);
  }
  resumer.flush(take);
  return seen;
}

}  // namespace

STOKER_FUZZ_TARGET(watch_decoder) {
  constexpr std::size_t kOddPiece = 7;
  STOKER_FUZZ_CHECK(decode(data, data.size()) == decode(data, kOddPiece));
  STOKER_FUZZ_CHECK(lines(data, data.size()) == lines(data, kOddPiece));
}
