// Files that are too large for one request. Nothing of the object is seen before the last one, and what is given up on
// the way is thrown away there.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "codec/sha256.h"
#include "objects/s3_client.h"
#include "runtime/fd.h"

namespace stoker::objects {

namespace {

constexpr std::uint64_t kMaximumParts = 10'000;  // S3's
constexpr std::chrono::milliseconds kAbandonTime{10'000};

Result<std::string> read_part(int fd, std::uint64_t most, const runtime::Path& file) {
  std::string bytes(most, '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::read(fd, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(fmt::format("read {}", file.string()), errno);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  bytes.resize(done);
  return bytes;
}

}  // namespace

Result<std::string> S3Client::put_parts(const runtime::Context& context, const Call& whole,
                                        const std::string& upload_id, const runtime::Path& file,
                                        const runtime::FileDigest& digest) const {
  const std::uint64_t part_bytes = std::max(limits_.part_bytes, digest.bytes / kMaximumParts + 1);
  TRY_ASSIGN(const runtime::Fd fd, runtime::open_file(file, runtime::OpenMode::read));
  codec::Sha256 content;
  std::uint64_t done = 0;
  std::string list = "<CompleteMultipartUpload>";
  for (int number = 1; done < digest.bytes; ++number) {
    Call part = whole;
    part.method = "PUT";
    part.query = {{"partNumber", std::to_string(number)}, {"uploadId", upload_id}};
    TRY_ASSIGN(part.body, read_part(fd.get(), part_bytes, file));
    if (part.body.empty()) return changed_while_read(file);
    content.update(part.body);
    done += part.body.size();
    part.bytes = part.body.size();
    part.payload_hash = codec::sha256_hex(part.body);
    TRY_ASSIGN(const net::Response response, demand(context, part));
    list += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", number,
                        net::find_header(response.headers, "ETag").value_or(""));
  }
  // Each part is what was read; are all of them what was meant?
  if (done != digest.bytes || content.hex() != digest.hex) return changed_while_read(file);
  return list + "</CompleteMultipartUpload>";
}

Result<void> S3Client::put_in_parts(const runtime::Context& context, const std::string& bucket, const std::string& key,
                                    const runtime::Path& file, const runtime::FileDigest& digest) const {
  const Call whole = call_without_body("POST", bucket, key);
  Call begin = whole;
  begin.query = {{"uploads", ""}};
  begin.headers = options_.put_headers;
  TRY_ASSIGN(const net::Response begun, demand(context, begin));
  const std::string upload_id = xml_text(begun.body, "InitiateMultipartUploadResult/UploadId");
  if (upload_id.empty())
    return Error{.code = ErrorCode::io, .message = "the server began an upload in parts, and did not name it"};

  auto parts = put_parts(context, whole, upload_id, file, digest);
  if (!parts) {
    abandon(whole, upload_id);
    return std::move(parts).error();
  }
  Call end = whole;
  end.query = {{"uploadId", upload_id}};
  end.body = *std::move(parts);
  end.payload_hash = codec::sha256_hex(end.body);
  auto ended = demand(context, end);
  // S3 answers before it has joined them: a 200 may have an error in it.
  if (ended && !xml_text(ended->body, "Error/Code").empty()) {
    ended->status = 500;
    ended = failed(*ended, end);
  }
  if (ended) return {};
  // A connection that broke, and a second try, which finds no such upload any more: it is there all the same.
  if (auto now = size(context, bucket, key); now && *now == digest.bytes) return {};
  abandon(whole, upload_id);
  return std::move(ended).error();
}

void S3Client::abandon(const Call& whole, const std::string& upload_id) const {
  Call call = whole;
  call.method = "DELETE";
  call.query = {{"uploadId", upload_id}};
  // Also, and above all, when the caller was told to stop. If it fails, the bucket's lifecycle rules remove the parts.
  const auto context = runtime::Context{}.with_timeout(clock_, kAbandonTime);
  static_cast<void>(send_once(context, call, region_.with([](const std::string& known) { return known; })));
}

}  // namespace stoker::objects
