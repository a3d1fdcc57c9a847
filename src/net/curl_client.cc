#include "net/curl_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "base/strings.h"
#include "net/url.h"
#include "runtime/stop.h"

namespace stoker::net {

namespace {

using File = std::unique_ptr<std::FILE, decltype(&std::fclose)>;

class TextList {
 public:
  TextList() = default;
  ~TextList() { curl_slist_free_all(first_); }
  TextList(const TextList&) = delete;
  TextList& operator=(const TextList&) = delete;

  void append(const std::string& text) {
    if (curl_slist* longer = curl_slist_append(first_, text.c_str())) first_ = longer;
  }
  curl_slist* get() const { return first_; }

 private:
  curl_slist* first_ = nullptr;
};

// A handle and the connections that it has open. One call at a time.
struct Session {
  std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> multi{curl_multi_init(), &curl_multi_cleanup};
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy{curl_easy_init(), &curl_easy_cleanup};
};

// What one call has received so far.
struct Exchange {
  CURL* easy;
  const BodySink& sink;
  std::size_t maximum_body_bytes;
  Response response;
  std::optional<Error> failure;  // of the sink, or of ours while receiving

  std::size_t fail(Error error) {
    failure = std::move(error);
    return 0;
  }
  std::size_t on_header(std::string_view line) {
    if (line.starts_with("HTTP/")) response.headers.clear();  // 100 Continue and a proxy's answers come before
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos)
      response.headers.push_back({std::string(trim(line.substr(0, colon))), std::string(trim(line.substr(colon + 1)))});
    return line.size();
  }
  std::size_t on_body(std::string_view piece) {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (sink && status >= 200 && status < 300) {
      auto taken = sink(piece);
      return taken ? piece.size() : fail(std::move(taken).error());
    }
    if (response.body.size() + piece.size() > maximum_body_bytes)
      return fail(Error{.code = ErrorCode::limit_exceeded,
                        .message = fmt::format("the answer has more than {} bytes", maximum_body_bytes)});
    response.body += piece;
    return piece.size();
  }
};

std::size_t header_arrived(char* bytes, std::size_t size, std::size_t count, void* exchange) {
  return static_cast<Exchange*>(exchange)->on_header({bytes, size * count});
}
std::size_t body_arrived(char* bytes, std::size_t size, std::size_t count, void* exchange) {
  return static_cast<Exchange*>(exchange)->on_body({bytes, size * count});
}
std::size_t read_file(char* bytes, std::size_t size, std::size_t count, void* file) {
  return std::fread(bytes, size, count, static_cast<std::FILE*>(file));
}
// A body that is sent again on another connection begins anew.
int seek_file(void* file, curl_off_t offset, int origin) {
  return std::fseek(static_cast<std::FILE*>(file), static_cast<long>(offset), origin) == 0 ? CURL_SEEKFUNC_OK
                                                                                           : CURL_SEEKFUNC_FAIL;
}

// libcurl keeps a pointer: `pem` outlives the call.
curl_blob blob_of(const std::string& pem) {
  return {.data = const_cast<char*>(pem.data()), .len = pem.size(), .flags = CURL_BLOB_NOCOPY};
}

bool nothing_was_sent(CURLcode code) {
  constexpr std::array<CURLcode, 4> kBefore = {CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_RESOLVE_HOST,
                                               CURLE_COULDNT_CONNECT, CURLE_SSL_CONNECT_ERROR};
  return std::find(kBefore.begin(), kBefore.end(), code) != kBefore.end();
}

Error error_of(CURLcode code, const char* detail, bool was_connected) {
  Error error{.code = ErrorCode::unavailable,
              .message = *detail != '\0' ? std::string(trim(detail)) : std::string(curl_easy_strerror(code)),
              .retryable = nothing_was_sent(code)};
  if (code == CURLE_OPERATION_TIMEDOUT) {  // of connecting, or by a silence
    error.code = ErrorCode::unavailable;
    error.retryable = !was_connected;
  } else if (code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE) {
    error.code = ErrorCode::invalid_value;
    error.hint = code == CURLE_SSL_CERTPROBLEM ? "the client's certificate and key must be PEM, and belong together"
                                               : "the certificates to trust must be there, and PEM";
  } else if (code == CURLE_PEER_FAILED_VERIFICATION) {  // it stays so, and nothing was sent
    error.code = ErrorCode::permission;
    error.hint = "the server's certificate is not one that the configured authority vouches for";
  } else if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
    error.code = ErrorCode::invalid_value;
  }
  return error;
}

Result<void> done(CURLMcode code) {
  if (code == CURLM_OK) return {};
  return Error{.code = ErrorCode::unavailable, .message = curl_multi_strerror(code), .retryable = false};
}

}  // namespace

void take_proxy_from_environment(ClientOptions& options, const Variables& variables, std::string_view scheme) {
  if (!options.proxy.empty()) return;
  // HTTP_PROXY is not looked at, as in curl: a web server makes it out of a caller's header.
  options.proxy =
      scheme == "https" ? first_variable(variables, {"https_proxy", "HTTPS_PROXY"}) : variable(variables, "http_proxy");
  options.no_proxy = first_variable(variables, {"no_proxy", "NO_PROXY"});
}

struct CurlClient::State {
  ClientOptions options;
  const Clock& clock;
  Guarded<std::vector<Session>> idle;

  State(ClientOptions its_options, const Clock& its_clock) : options(std::move(its_options)), clock(its_clock) {}

  Session take() {
    auto sessions = idle.lock();
    if (sessions->empty()) return {};
    Session session = std::move(sessions->back());  // the last one used: its connection is the likeliest to be alive
    sessions->pop_back();
    return session;
  }
  void give_back(Session session) {
    auto sessions = idle.lock();
    if (sessions->size() < options.maximum_idle_connections) sessions->push_back(std::move(session));
  }

  void prepare_tls(CURL* easy) const {
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    const TlsOptions& tls = options.tls;
    if (tls.insecure) {
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    } else if (!tls.authorities_pem.empty()) {
      curl_blob authorities = blob_of(tls.authorities_pem);
      curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &authorities);
    } else if (!tls.authorities_file.empty()) {
      curl_easy_setopt(easy, CURLOPT_CAINFO, tls.authorities_file.c_str());
    }
    if (tls.certificate_pem.empty()) return;
    curl_blob certificate = blob_of(tls.certificate_pem);
    curl_blob key = blob_of(tls.key_pem);
    curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &certificate);
    curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
  }

  // Where the certificate is for another name than the address: that name is asked for, and this address connected to.
  Result<std::string> address_by_server_name(const std::string& url, TextList& connect_to, TextList& headers) const {
    TRY_ASSIGN(const Url parts, parse_url(url));
    const std::string port = parts.port.empty() ? "443" : parts.port;
    connect_to.append(fmt::format("{0}:{1}:{2}:{1}", options.tls.server_name, port, parts.host));
    headers.append(fmt::format("Host: {}", parts.authority()));
    return fmt::format("{}://{}:{}{}{}{}", parts.scheme, options.tls.server_name, port, parts.path,
                       parts.query.empty() ? "" : "?", parts.query);
  }

  static void prepare_method(CURL* easy, const Request& request) {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    if (request.method == "HEAD") curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    const bool has_body =
        !request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
    if (!has_body || request.body_file) return;
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  }

  static Result<File> prepare_file(CURL* easy, const std::string& path) {
    File file(std::fopen(path.c_str(), "rbe"), &std::fclose);
    if (!file) return system_error(fmt::format("reading {}", path), errno);
    std::error_code unknown;
    const auto size = std::filesystem::file_size(path, unknown);
    if (unknown) return system_error(fmt::format("reading {}", path), unknown.value());
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(size));
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, &read_file);
    curl_easy_setopt(easy, CURLOPT_READDATA, file.get());
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, &seek_file);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, file.get());
    return file;
  }

  void prepare(CURL* easy, Exchange& exchange, char* error_text) const {
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);  // "..", in a name or a key, leads nowhere else
    // One connection for each call in flight: a watch on a connection that hangs holds up nothing else.
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 30L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 10L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
    // A look-up of a name that hangs is left behind with its thread when the context ends.
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    if (options.longest_silence.count() > 0) {
      curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
      curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.longest_silence.count()));
    }
    curl_easy_setopt(easy, CURLOPT_PROXY, options.proxy.c_str());
    curl_easy_setopt(easy, CURLOPT_NOPROXY, options.no_proxy.c_str());
    curl_easy_setopt(easy, CURLOPT_USERAGENT, options.user_agent.c_str());
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_text);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &header_arrived);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &body_arrived);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
    prepare_tls(easy);
  }

  // Until the transfer ends, or the context does.
  Result<CURLcode> carry_out(CURLM* multi, const runtime::Context& context) const {
    const auto wake = [multi] { curl_multi_wakeup(multi); };
    const runtime::StopCallback<decltype(wake)> on_stop(context.stop, wake);
    while (true) {
      int running = 0;
      TRY(done(curl_multi_perform(multi, &running)));
      int left = 0;
      while (const CURLMsg* message = curl_multi_info_read(multi, &left))
        if (message->msg == CURLMSG_DONE) return message->data.result;
      TRY(context.check(clock));
      const int wait_ms = context.deadline.poll_timeout(clock.steady_now());
      constexpr int kLongest_ms = 3'600'000;
      TRY(done(curl_multi_poll(multi, nullptr, 0, wait_ms < 0 ? kLongest_ms : wait_ms, nullptr)));
    }
  }
};

CurlClient::CurlClient(ClientOptions options, const Clock& clock) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  state_ = std::make_unique<State>(std::move(options), clock);
}

CurlClient::~CurlClient() = default;

Result<Response> CurlClient::send(const runtime::Context& context, const Request& request, const BodySink& sink) {
  TRY(context.check(state_->clock));
  Session session = state_->take();
  CURL* easy = session.easy.get();
  curl_easy_reset(easy);
  Exchange exchange{easy, sink, state_->options.maximum_body_bytes, {}, {}};
  std::array<char, CURL_ERROR_SIZE> error_text{};
  state_->prepare(easy, exchange, error_text.data());

  TextList headers;
  TextList connect_to;
  std::string url = request.url;
  if (!state_->options.tls.server_name.empty()) {
    TRY_ASSIGN(url, state_->address_by_server_name(request.url, connect_to, headers));
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, connect_to.get());
  }
  // Of what libcurl would add by itself: no wait for 100 Continue that was not asked for, no type that was not said.
  if (!find_header(request.headers, "Expect")) headers.append("Expect:");
  if (!find_header(request.headers, "Content-Type")) headers.append("Content-Type:");
  for (const Header& header : request.headers)
    headers.append(header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  state_->prepare_method(easy, request);
  File file(nullptr, &std::fclose);
  if (request.body_file) {
    TRY_ASSIGN(file, state_->prepare_file(easy, *request.body_file));
  }

  TRY(done(curl_multi_add_handle(session.multi.get(), easy)));
  const Result<CURLcode> ended = state_->carry_out(session.multi.get(), context);
  curl_multi_remove_handle(session.multi.get(), easy);
  // A transfer that was cut leaves its connection unfit; libcurl closes it when the handle is removed.
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl_off_t connected_after_us = 0;
  curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &connected_after_us);
  state_->give_back(std::move(session));
  if (exchange.failure) return *std::move(exchange.failure);
  if (!ended) return ended.error();
  if (ended.value() != CURLE_OK) return error_of(ended.value(), error_text.data(), connected_after_us > 0);
  exchange.response.status = static_cast<int>(status);
  return std::move(exchange.response);
}

}  // namespace stoker::net
