#include "contract/server.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <random>
#include <stdexcept>

#include "base/strings.h"
#include "kube/http_transport.h"

namespace stoker::contract {

namespace {

class FakeServer final : public Server {
 public:
  kube::Transport& transport() override { return server_; }
  const Clock& clock() const override { return clock_; }
  fakes::ApiServer* fake() override { return &server_; }

 private:
  ManualClock clock_;
  fakes::ApiServer server_{clock_};
};

class RealServer final : public Server {
 public:
  explicit RealServer(kube::ClusterConfiguration configuration) : transport_(std::move(configuration), {}, clock_) {}
  kube::Transport& transport() override { return transport_; }
  const Clock& clock() const override { return clock_; }

 private:
  SystemClock clock_;
  kube::HttpTransport transport_;
};

const char* kubeconfig() {
  return std::getenv("STOKER_TEST_KUBECONFIG");  // NOLINT(concurrency-mt-unsafe): nobody sets variables here
}

std::string percent_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ec == std::errc()) {
      decoded += static_cast<char>(value);
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

}  // namespace

std::unique_ptr<Server> make_fake() {
  return std::make_unique<FakeServer>();
}

bool has_real() {
  return kubeconfig() != nullptr;
}

std::unique_ptr<Server> make_real() {
  auto configuration = kube::load_kubeconfig({.context = {}, .file = kubeconfig()}, {});
  if (!configuration) throw std::runtime_error(configuration.error().describe());
  return std::make_unique<RealServer>(std::move(configuration).value());
}

std::string make_namespace(Server& server) {
  std::random_device random;
  const std::string name = fmt::format("contract-{:08x}", random());
  const auto answer = send(server, "POST /api/v1/namespaces", fmt::format(R"({{"metadata": {{"name": "{}"}}}})", name));
  if (!answer || !answer.value().ok())
    throw std::runtime_error(answer ? answer.value().body : answer.error().describe());
  return name;
}

Result<net::Response> send(Server& server, const std::string& what, const std::string& body,
                           const std::string& content_type, const net::BodySink& sink) {
  const std::size_t blank = what.find(' ');
  const std::size_t mark = what.find('?');
  kube::Call call{.method = what.substr(0, blank),
                  .path = what.substr(blank + 1, mark == std::string::npos ? mark : mark - blank - 1),
                  .body = body,
                  .content_type = body.empty() && what.starts_with("GET") ? "" : content_type};
  if (mark != std::string::npos)
    for (const std::string& pair : split(what.substr(mark + 1), '&')) {
      const std::size_t sign = pair.find('=');
      call.query.emplace_back(pair.substr(0, sign), percent_decode(pair.substr(sign + 1)));
    }
  runtime::Context context;
  return server.transport().send(context.with_timeout(server.clock(), std::chrono::minutes(1)), call, sink);
}

}  // namespace stoker::contract
