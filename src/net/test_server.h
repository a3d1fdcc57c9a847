// A server on loopback that answers each request with bytes said beforehand, for tests of the client.
#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/fd.h"

namespace stoker::net {

class ScriptedServer {
 public:
  // One after the other, each for one request; after an answer with `close` the connection is cut, after `hang` it
  // stays open without another byte.
  struct Answer {
    std::string bytes;
    bool close = false;
    bool hang = false;
  };

  explicit ScriptedServer(std::vector<Answer> answers) : answers_(std::move(answers)) {
    socket_ = runtime::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size);
    ::listen(socket_.get(), 8);
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~ScriptedServer() {
    ::shutdown(socket_.get(), SHUT_RDWR);
    {
      std::scoped_lock lock(mutex_);
      if (connection_.valid()) ::shutdown(connection_.get(), SHUT_RDWR);
    }
    thread_.join();
  }

  std::string url(const std::string& path = "/") const { return fmt::format("http://127.0.0.1:{}{}", port_, path); }
  int port() const { return port_; }
  std::vector<std::string> requests() {
    std::scoped_lock lock(mutex_);
    return requests_;
  }
  int connections() {
    std::scoped_lock lock(mutex_);
    return connections_;
  }

 private:
  void serve() {
    std::size_t next = 0;
    while (true) {
      runtime::Fd accepted(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!accepted.valid()) return;
      const int descriptor = accepted.get();
      {
        std::scoped_lock lock(mutex_);
        connection_ = std::move(accepted);
        ++connections_;
      }
      while (next < answers_.size() && receive(descriptor)) {
        const Answer& answer = answers_[next++];
        [[maybe_unused]] const auto sent = ::send(descriptor, answer.bytes.data(), answer.bytes.size(), MSG_NOSIGNAL);
        if (answer.close) break;
        if (answer.hang) {
          char byte = 0;
          static_cast<void>(::recv(descriptor, &byte, 1, 0));
        }
      }
      std::scoped_lock lock(mutex_);
      connection_.reset();
    }
  }
  // One request, by its Content-Length.
  bool receive(int descriptor) {
    std::string text;
    char buffer[4096];
    while (true) {
      const std::size_t end = text.find("\r\n\r\n");
      if (end != std::string::npos) {
        const std::size_t at = text.find("Content-Length: ");
        const std::size_t length = at < end ? std::stoul(text.substr(at + std::string("Content-Length: ").size())) : 0;
        if (text.size() >= end + 4 + length) break;
      }
      const ssize_t count = ::recv(descriptor, buffer, sizeof buffer, 0);
      if (count <= 0) return false;
      text.append(buffer, static_cast<std::size_t>(count));
    }
    std::scoped_lock lock(mutex_);
    requests_.push_back(std::move(text));
    return true;
  }

  const std::vector<Answer> answers_;
  runtime::Fd socket_;
  int port_ = 0;
  std::mutex mutex_;
  runtime::Fd connection_;  // guarded by mutex_, as what follows
  std::vector<std::string> requests_;
  int connections_ = 0;
  std::thread thread_;
};

}  // namespace stoker::net
