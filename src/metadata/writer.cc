#include "metadata/writer.h"

#include <fmt/format.h>

#include <future>
#include <utility>

#include "metadata/store.h"

namespace stoker::metadata {

namespace {

// More than this in one transaction no longer makes a job cheaper, and keeps other processes waiting.
constexpr std::size_t kMaximumGroup = 256;
// The log is cut back to this after a checkpoint.
constexpr std::int64_t kLogBytesKept = 16 * 1024 * 1024;

}  // namespace

Writer::Writer(std::filesystem::path file, std::chrono::milliseconds busy_timeout, int schema_version)
    : file_(std::move(file)), busy_timeout_(busy_timeout), schema_version_(schema_version) {}

Writer::~Writer() {
  {
    std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Writer::submit(Body body, Durability durability, Done done) {
  // A command that only reads starts no thread and opens no writing connection.
  std::call_once(start_, [this] { thread_ = std::thread([this] { run(); }); });
  std::unique_lock lock(mutex_);
  room_.wait(lock, [this] { return queue_.size() < kMaximumQueuedWrites; });
  queue_.push_back(Job{std::move(body), durability, std::move(done)});
  lock.unlock();
  work_.notify_one();
}

Result<void> Writer::write(Body body, Durability durability) {
  std::promise<Result<void>> promise;
  auto future = promise.get_future();
  submit(std::move(body), durability, [&promise](Result<void> result) { promise.set_value(std::move(result)); });
  return future.get();
}

void Writer::run() {
  for (;;) {
    std::deque<Job> group;
    {
      std::unique_lock lock(mutex_);
      work_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      while (!queue_.empty() && group.size() < kMaximumGroup) {
        group.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
    }
    room_.notify_all();
    write_group(std::move(group));
  }
}

Result<void> Writer::connect() {
  if (database_) return {};
  TRY_ASSIGN(auto database, Database::open(file_, Access::read_write, busy_timeout_));
  TRY(database.execute(fmt::format("PRAGMA journal_size_limit = {}", kLogBytesKept)));
  database_.emplace(std::move(database));
  return {};
}

Result<void> Writer::begin(Durability durability) {
  TRY(connect());
  if (synchronous_ != durability) {
    TRY(database_->execute(durability == Durability::power_loss ? "PRAGMA synchronous = FULL"
                                                                : "PRAGMA synchronous = NORMAL"));
    synchronous_ = durability;
  }
  TRY(database_->execute("BEGIN IMMEDIATE"));
  TRY_ASSIGN(const auto version, database_->user_version());
  if (version != schema_version_) {
    return Error{.code = ErrorCode::newer_version,
                 .message = fmt::format("another Stoker changed the schema of {} from {} to {} meanwhile",
                                        file_.string(), schema_version_, version),
                 .hint = "run the command again with the newer Stoker"};
  }
  return {};
}

Result<void> Writer::run_job(Job& job) {
  TRY(database_->execute("SAVEPOINT job"));
  auto result = [&]() -> Result<void> {
    try {
      return job.body(*database_);
    } catch (const std::exception& defect) {
      return Error{.code = ErrorCode::internal, .message = fmt::format("writing to the store: {}", defect.what())};
    }
  }();
  if (!result.ok() && database_->in_transaction()) TRY(database_->execute("ROLLBACK TO job"));
  if (database_->in_transaction()) TRY(database_->execute("RELEASE job"));
  return result;
}

void Writer::write_group(std::deque<Job> group) {
  auto durability = Durability::process_kill;
  for (const auto& job : group) {
    if (job.durability == Durability::power_loss) durability = Durability::power_loss;
  }
  std::deque<Result<void>> results;
  Result<void> whole = begin(durability);
  for (auto& job : group) {
    if (!whole.ok()) break;
    results.push_back(run_job(job));
    // A full disk makes SQLite give up the whole transaction: what the jobs before had written is gone with it.
    if (!database_->in_transaction())
      whole = results.back().ok() ? Error{.message = "transaction lost"} : results.back();
  }
  if (whole.ok()) whole = database_->execute("COMMIT");
  if (!whole.ok() && database_ && database_->in_transaction()) {
    // Without a way back the connection is in doubt; a new one starts from what is on disk.
    if (!database_->execute("ROLLBACK").ok()) {
      database_.reset();
      synchronous_.reset();
    }
  }
  for (std::size_t i = 0; i < group.size(); ++i) {
    auto& job = group[i];
    if (whole.ok() || (i < results.size() && !results[i].ok())) {
      job.done(std::move(results[i]));
    } else {
      job.done(whole);
    }
  }
}

}  // namespace stoker::metadata
