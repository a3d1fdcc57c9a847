#include "local/host.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "codec/json_fields.h"

namespace stoker::local {

using codec::number_of;
using codec::real_of;
using codec::text_of;

namespace {

// A host that does not take a message for so long is stuck.
constexpr std::chrono::seconds kSendLimit{30};
constexpr std::chrono::milliseconds kLastWordsLimit{500};

// The user's module did not import: their error, with their traceback.
Error import_error(const json::object& message) {
  const json::value* value = message.if_contains("error");
  const json::object error = value != nullptr && value->is_object() ? value->get_object() : json::object();
  std::string type = text_of(error, "type");
  return Error{
      .code = ErrorCode::user_code,
      .message = type.empty() ? text_of(error, "message") : fmt::format("{}: {}", type, text_of(error, "message")),
      .hint = text_of(error, "traceback")};
}

runtime::ExitStatus exit_status(const json::object& message) {
  runtime::ExitStatus status = runtime::decode_wait_status(static_cast<int>(number_of(message, "status")));
  auto microseconds = [&](std::string_view key) {
    return std::chrono::microseconds(static_cast<std::int64_t>(real_of(message, key) * 1e6));
  };
  status.user = microseconds("user_seconds");
  status.system = microseconds("system_seconds");
  status.peak_rss_bytes = static_cast<std::uint64_t>(number_of(message, "peak_rss_bytes"));
  return status;
}

}  // namespace

runtime::Environment with_sdk(runtime::Environment environment, const std::filesystem::path& sdk) {
  if (sdk.empty()) return environment;
  std::string& path = environment["PYTHONPATH"];
  path += (path.empty() ? "" : ":") + sdk.string();
  return environment;
}

Result<std::unique_ptr<PythonHost>> PythonHost::start(const HostSpec& spec, const Clock& clock) {
  TRY_ASSIGN(auto ends, runtime::make_socket_pair());
  runtime::ProcessSpec process;
  process.argv = {spec.python.string(), "-m", "stoker._host"};
  process.environment = with_sdk(spec.environment, spec.sdk);
  process.environment->insert_or_assign("STOKER_HOST", std::to_string(ends.second.get()));
  process.working_directory = spec.working_directory;
  process.inherited = {ends.second.get()};
  // It reads its socket only between imports. Whoever starts a host keeps the thread that did for as long as the host.
  process.die_with_parent = true;
  runtime::Fd log;
  if (!spec.log.empty()) {
    TRY_ASSIGN(log, runtime::open_file(spec.log, runtime::OpenMode::append));
  }
  process.output = process.error = runtime::Stream::to(log.valid() ? log.get() : STDERR_FILENO);
  TRY_ASSIGN(runtime::Process started, runtime::Process::start(process));
  return std::unique_ptr<PythonHost>(
      new PythonHost(spec, std::move(started), runtime::Channel(std::move(ends.first), kMessageLimit), clock));
}

PythonHost::~PythonHost() {
  if (loop_ != nullptr && alive_) loop_->forget(channel_.fd());
  // The children go with the host, and the host with its group (the Process object's end).
  for (const auto& [id, child] : children_) {
    if (child.pid > 0) ::kill(-child.pid, SIGKILL);
  }
}

Result<void> PythonHost::send(const json::object& message, std::span<const int> descriptors) {
  const auto context = runtime::Context{}.with_timeout(clock_, kSendLimit);
  return channel_.send(message, context, clock_, descriptors).with_context("talk to the Python host");
}

Result<json::object> PythonHost::compile(const std::filesystem::path& file, const std::string& pipeline,
                                         const std::vector<std::string>& arguments, const runtime::Context& context) {
  json::object message{
      {"op", "compile"}, {"file", file.string()}, {"argv", json::array(arguments.begin(), arguments.end())}};
  message["pipeline"] = pipeline.empty() ? json::value(nullptr) : json::value(pipeline);
  TRY(send(message));
  auto reply = channel_.receive(context, clock_);
  if (!reply && reply.error().code == ErrorCode::unavailable) {
    alive_ = false;
    auto status = process_.wait(context, clock_);
    return Error{.code = ErrorCode::environment,
                 .message = fmt::format("Python ended while it compiled {}: {}", file.string(),
                                        status ? status->describe() : status.error().message),
                 .hint = "what it printed stands above; a pipeline file must not end its process"};
  }
  if (!reply) return std::move(reply).error();
  if (!reply->is_object()) return Error{.code = ErrorCode::internal, .message = "the Python host sent no object"};
  return std::move(reply->as_object());
}

void PythonHost::attach(runtime::EventLoop& loop) {
  loop_ = &loop;
  loop.watch(channel_.fd(), [this] { on_readable(); });
}

void PythonHost::load(const std::filesystem::path& file, const std::filesystem::path& root,
                      std::optional<WallTime> compiled_at, OnLoaded done) {
  if (!alive_) return done(Error{.code = ErrorCode::unavailable, .message = "the Python host has ended"});
  json::object message{{"op", "load"}, {"file", file.string()}, {"root", root.string()}};
  if (compiled_at) message["compiled_at"] = seconds_since_1970(*compiled_at);
  auto sent = send(message);
  if (!sent) return done(std::move(sent).error());
  loading_.push_back(std::move(done));
}

void PythonHost::run(const Run& request, OnStarted on_started, OnExited on_exited) {
  if (!alive_) return on_started(Error{.code = ErrorCode::unavailable, .message = "the Python host has ended"});
  const std::int64_t id = ++last_id_;
  json::object environment;
  for (const auto& [name, value] : request.environment)
    environment[name] = value;
  const std::vector<int> descriptors{request.protocol, request.output, request.error};
  auto sent = send({{"op", "run"},
                    {"id", id},
                    {"invocation", request.invocation.string()},
                    {"env", std::move(environment)},
                    {"cwd", request.working_directory.string()}},
                   descriptors);
  if (!sent) return on_started(std::move(sent).error());
  children_[id] = Child{std::move(on_started), std::move(on_exited), -1};
}

void PythonHost::on_readable() {
  auto open = channel_.read_available();
  while (alive_) {
    auto message = channel_.next();
    if (!message) return end("it sent what is no message: " + message.error().message);
    if (!*message) break;
    handle(**message);
  }
  if (alive_ && (!open || !*open)) end("");
}

void PythonHost::handle(const json::value& value) {
  if (!value.is_object()) return end("it sent what is no message");
  const json::object& message = value.get_object();
  const std::string operation = text_of(message, "op");
  if ((operation == "loaded" || operation == "failed") && !loading_.empty()) {
    OnLoaded done = std::move(loading_.front());
    loading_.pop_front();
    if (operation == "failed") return done(import_error(message));
    const json::value* safe = message.if_contains("fork_safe");
    return done(Loaded{safe != nullptr && safe->is_bool() && safe->get_bool(), text_of(message, "reason")});
  }
  auto found = children_.find(static_cast<std::int64_t>(number_of(message, "id")));
  if (found == children_.end()) return;
  if (operation == "started") {
    found->second.pid = static_cast<pid_t>(number_of(message, "pid"));
    found->second.on_started(found->second.pid);
  } else if (operation == "exited") {
    OnExited exited = std::move(found->second.on_exited);
    children_.erase(found);
    exited(exit_status(message), "");
  }
}

void PythonHost::end(std::string reason) {
  alive_ = false;
  loop_->forget(channel_.fd());
  channel_.close();
  // One that closed its end is about to exit, and how it exits tells more than our signal.
  if (reason.empty()) (void)process_.wait(runtime::Context{}.with_timeout(clock_, kLastWordsLimit), clock_);
  process_.kill_group(SIGKILL);
  // It is dead or killed, so this takes no time.
  auto status = process_.wait(runtime::Context{}.with_timeout(clock_, kSendLimit), clock_);
  if (reason.empty() && status) reason = status->describe();
  const std::string cause = "the Python process that steps are forked from ended: " + reason;
  for (auto& done : std::exchange(loading_, {}))
    done(Error{.code = ErrorCode::unavailable, .message = cause});
  for (auto& [id, child] : std::exchange(children_, {})) {
    if (child.pid <= 0) {
      child.on_started(Error{.code = ErrorCode::unavailable, .message = cause});
      continue;
    }
    ::kill(-child.pid, SIGKILL);
    runtime::ExitStatus killed;
    killed.signal = SIGKILL;
    child.on_exited(killed, cause);
  }
}

}  // namespace stoker::local
