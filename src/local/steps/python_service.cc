#include "local/steps/python_service.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "runtime/file.h"

namespace stoker::local {

namespace {

constexpr std::chrono::seconds kProbeLimit{60};

}  // namespace

Result<PythonFacts> PythonService::facts(const engine::RunContext& run) {
  if (auto known = facts_.find(run.project_root.string()); known != facts_.end()) return known->second;
  InterpreterSearch search{options_.python, options_.python_from_project, options_.environment, run.project_root,
                           options_.program};
  TRY_ASSIGN(Interpreter interpreter, find_interpreter(search));
  const auto context = runtime::Context{}.with_timeout(*options_.clock, kProbeLimit);
  TRY_ASSIGN(PythonFacts facts, inspect_interpreter(interpreter.path, options_.environment,
                                                    run.store / "cache" / "python", context, *options_.clock));
  // The path that was found, not what it resolves to: a virtual environment is known by its own.
  facts.executable = interpreter.path;
  if (!facts.has_stoker && options_.sdk.empty()) {
    return Error{.code = ErrorCode::environment,
                 .message = interpreter.path.string() + " has no package stoker",
                 .hint = "install it: " + interpreter.path.string() + " -m pip install stoker"};
  }
  return facts_.emplace(run.project_root.string(), facts).first->second;
}

std::filesystem::path PythonService::sdk_for(const PythonFacts& facts) const {
  return facts.has_stoker ? std::filesystem::path() : options_.sdk;
}

Result<PythonService::Host*> PythonService::host_for(const engine::RunContext& run) {
  auto& slot = hosts_[run.run];
  if (slot && slot->process->alive()) return slot.get();
  TRY_ASSIGN(PythonFacts found, facts(run));
  auto host = std::make_unique<Host>();
  if (compiled_ && compiled_->alive() && compiled_.use_count() == 1 && compiled_->spec().python == found.executable) {
    host->process = std::move(compiled_);
  } else {
    HostSpec spec{found.executable, options_.environment, run.working_directory, sdk_for(found),
                  run.store / "runs" / run.run.str() / "host.log"};
    TRY(runtime::make_directories(spec.log.parent_path()));
    TRY_ASSIGN(host->process, PythonHost::start(spec, *options_.clock));
  }
  host->process->attach(loop_);
  slot = std::move(host);
  drop_idle_hosts(run.run);
  return hosts_.at(run.run).get();
}

void PythonService::drop_idle_hosts(const RunId& keep) {
  // Run ids begin with their time: the oldest go first.
  for (auto it = hosts_.begin(); hosts_.size() > kKeptHosts && it != hosts_.end();) {
    const Host& host = *it->second;
    const bool loading = std::any_of(host.files.begin(), host.files.end(),
                                     [](const auto& file) { return !file.second.waiting.empty(); });
    const bool busy = it->first == keep || loading || host.process->children() > 0;
    it = busy ? std::next(it) : hosts_.erase(it);
  }
}

void PythonService::prepare(const engine::RunContext& run, const std::filesystem::path& file, Ready ready) {
  if (options_.isolated) {
    auto found = facts(run);
    return found ? ready(PythonStart{}) : ready(std::move(found).error());
  }
  auto host = host_for(run);
  if (!host) return ready(std::move(host).error());
  File& entry = (*host)->files[file.string()];
  if (entry.loaded || file.empty()) return ready(start_with(**host));
  entry.waiting.push_back(std::move(ready));
  if (entry.waiting.size() > 1) return;
  (*host)->process->load(file, run.project_root, options_.compiled_at,
                         [this, target = *host, name = file.string()](Result<PythonHost::Loaded> result) {
                           loaded(*target, name, std::move(result));
                         });
}

void PythonService::loaded(Host& host, const std::string& file, Result<PythonHost::Loaded> result) {
  File& entry = host.files[file];
  auto waiting = std::exchange(entry.waiting, {});
  if (!result) {
    for (auto& ready : waiting)
      ready(result.error());
    return;
  }
  entry.loaded = true;
  if (!result->fork_safe && host.fork_safe) {
    host.fork_safe = false;
    host.reason = result->reason;
  }
  for (auto& ready : waiting)
    ready(start_with(host));
}

PythonStart PythonService::start_with(Host& host) const {
  if (host.fork_safe) return PythonStart{host.process, ""};
  PythonStart fresh;
  if (!std::exchange(host.reason_said, true)) fresh.reason = "each step gets a fresh Python: " + host.reason;
  return fresh;
}

}  // namespace stoker::local
