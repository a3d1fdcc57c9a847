#include "cli/completion.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "cli/command_line.h"

namespace stoker::cli {

namespace {

// One `case` arm per verb: the words after `stoker` that are no flags, joined by a space, choose what may follow.
std::string word_cases() {
  std::string text;
  for (const auto& node : completion_nodes()) {
    auto words = node.verbs;
    words.insert(words.end(), node.flags.begin(), node.flags.end());
    text += fmt::format("    \"{}\") words=\"{}\" ;;\n", node.name, join(words, " "));
  }
  return text;
}

std::string bash_script() {
  return R"(# bash completion of stoker. Use: source <(stoker completion bash)
_stoker() {
  local current="${COMP_WORDS[COMP_CWORD]}" path="" words="" word
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
      -*) ;;
      *) if _stoker_words "${path:+$path }$word" >/dev/null; then path="${path:+$path }$word"; fi ;;
    esac
  done
  words=$(_stoker_words "$path")
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [[ ${#COMPREPLY[@]} -eq 0 && $current != -* ]]; then COMPREPLY=($(compgen -f -- "$current")); fi
}
_stoker_words() {
  local words
  case $1 in
)" + word_cases() +
         R"(    *) return 1 ;;
  esac
  echo "$words"
}
complete -o filenames -F _stoker stoker
)";
}

std::string zsh_script() {
  return R"(#compdef stoker
# zsh completion of stoker. Use: stoker completion zsh > "${fpath[1]}/_stoker"
_stoker() {
  local stoker_path="" word
  for word in ${(@)words[2,CURRENT-1]}; do
    [[ $word == -* ]] && continue
    if _stoker_words "${stoker_path:+$stoker_path }$word" >/dev/null; then stoker_path="${stoker_path:+$stoker_path }$word"; fi
  done
  compadd -- ${=$(_stoker_words "$stoker_path")}
  _files
}
_stoker_words() {
  local words
  case $1 in
)" + word_cases() +
         R"(    *) return 1 ;;
  esac
  echo "$words"
}
_stoker "$@"
)";
}

std::string fish_script() {
  std::string text = "# fish completion of stoker. Use: stoker completion fish | source\n";
  for (const auto& node : completion_nodes()) {
    std::string condition = "__fish_use_subcommand";
    if (!node.name.empty()) {
      condition.clear();
      for (const auto& word : split(node.name, ' '))
        condition += (condition.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + word);
    }
    for (const auto& verb : node.verbs)
      text += fmt::format("complete -c stoker -n '{}' -a {}\n", condition, verb);
    for (const auto& flag : node.flags)
      text += fmt::format("complete -c stoker -n '{}' -l {}\n", condition, flag.substr(2));
  }
  return text;
}

}  // namespace

Result<std::string> completion_script(const std::string& shell) {
  if (shell == "bash") return bash_script();
  if (shell == "zsh") return zsh_script();
  if (shell == "fish") return fish_script();
  return Error{.code = ErrorCode::usage,
               .message = "no completion for \"" + shell + "\"",
               .hint = "bash, zsh and fish are known"};
}

}  // namespace stoker::cli
