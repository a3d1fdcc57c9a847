#include "engine/run_socket.h"

#include <vector>

namespace stoker::engine {

Result<std::unique_ptr<RunSocket>> RunSocket::open(const runtime::Path& path, runtime::EventLoop& loop,
                                                   std::function<void(bool)> cancel) {
  TRY_ASSIGN(auto listener, runtime::UnixListener::listen(path));
  std::unique_ptr<RunSocket> socket(new RunSocket(std::move(listener), loop, std::move(cancel)));
  loop.watch(socket->listener_.fd(), [raw = socket.get()] { raw->accept(); });
  return socket;
}

RunSocket::~RunSocket() {
  loop_.forget(listener_.fd());
  for (const auto& [fd, client] : clients_)
    loop_.forget(fd);
}

void RunSocket::accept() {
  auto accepted = listener_.accept();
  // A peer of another user, or one that has gone: nothing to tell it.
  if (!accepted || !*accepted || clients_.size() >= kMaximumClients) return;
  const int fd = (*accepted)->get();
  clients_[fd].channel = std::make_unique<runtime::Channel>(std::move(**accepted), kMaximumRunMessage);
  loop_.watch(fd, [this, fd] { read(fd); });
}

void RunSocket::drop(int fd) {
  loop_.forget(fd);
  clients_.erase(fd);
}

void RunSocket::read(int fd) {
  const auto found = clients_.find(fd);
  if (found == clients_.end()) return;
  Client& client = found->second;
  const auto open = client.channel->read_available();
  while (true) {
    auto message = client.channel->next();
    if (!message) {
      drop(fd);
      return;
    }
    if (!*message) break;
    if (!answer(client, **message)) {
      drop(fd);
      return;
    }
  }
  if (!open || !*open) drop(fd);
}

// false: the client does not read.
bool RunSocket::answer(Client& client, const json::value& message) {
  const json::object* request = message.if_object();
  const json::value* op = request != nullptr ? request->if_contains("op") : nullptr;
  json::object reply{{"ok", true}, {"seq", sequence_}};
  if (op != nullptr && *op == "cancel") {
    const json::value* at_once = request->if_contains("at_once");
    cancel_(at_once != nullptr && at_once->is_bool() && at_once->get_bool());
  } else if (op != nullptr && *op == "follow") {
    client.follows = true;
  } else {
    reply = {{"ok", false}, {"error", "unknown request"}};
  }
  return client.channel->send_now(reply).ok();
}

void RunSocket::on_event(const json::object& line) {
  if (const json::value* sequence = line.if_contains("seq"); sequence != nullptr && sequence->is_int64())
    sequence_ = sequence->get_int64();
  std::vector<int> slow;
  for (auto& [fd, client] : clients_) {
    if (client.follows && !client.channel->send_now(json::object{{"event", line}})) slow.push_back(fd);
  }
  for (const int fd : slow)
    drop(fd);
}

}  // namespace stoker::engine
