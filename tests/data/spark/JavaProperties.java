// Makes java-properties.json: what the java.util.Properties of a real JDK reads and writes.
//   java tests/data/spark/JavaProperties.java > tests/data/spark/java-properties.json
import java.io.StringReader;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.Random;
import java.util.TreeMap;

public class JavaProperties {
  static final String[] TEXTS = {
    "", "a=b", "a = b ", "a:b", "a b", "a\tb", "a\fb", "  a  =  b  ", "a", "a=", "=b", ":b", " b", "a==b", "a=:b", "a = = b", "a : = b",
    "# comment\na=b", "! comment\na=b", "  # comment\na=b", "a=b # no comment", "a#b=c", "#a=b\\\nc=d", "a=b\nc=d", "a=b\rc=d", "a=b\r\nc=d",
    "\n\n \t\n a=b\n\n", "a=b\\\n  c", "a=b\\\r\n  c", "a=b\\\rc", "a=b\\\n\n c=d", "a=b\\\n# c", "a=b\\", "a=b\\\\", "a=b\\\\\nc=d", "a=b\\\\\\\nc=d", "\\\na=b",
    "\\\n# a=b", "a\\\n=b", "a\\ b=c", "a\\=b=c", "a\\:b=c", "a\\#b=c", "\\#a=b", "\\!a=b", "a=\\t\\n\\r\\f\\\\\\q\\\"\\'\\0", "a=\\u0041\\u00e9\\u20AC", "a=\\ud83d\\ude00",
    "\\u0061=b", "a=\\u004", "a=\\u00g1", "a=\\uuuu0041", "a=\\U0041", "a=é€\ud83d\ude00", "é=b", "a=1\na=2", "a = b\\ ", "a =\\  b", "a\\\n  b = c", "a=b\\\n  \\  c", "a=\u0000\u0001\u007f",
    "\ufeffa=b", "a=b\u0085c", "a\u00a0b=c", "a=b\u000bc", "a\u000b=c", "a=b\\\n\f\t c", "\\ = x", "\\==x", "a   :   =b", "a\\\n:\\\n=b", "spark.a   1g", "spark.b\t${env:X}", "a=b\n\\", "\\", "\\\n", "\\\n\\\n", "#\\\n", "a\\u003db=c", "a\\u0020b=c",
  };
  static final String[] PIECES = {"a", "b", "=", ":", " ", "\t", "\f", "\n", "\r", "\r\n", "\\", "\\\n", "#", "!", "\\u0041", "\\u00", "é", "\\t", "x.y"};
  static final String[] VALUES = {
    "", "a", " a", "  a ", "a b", "a=b", "a:b", "#a", "!a", "a#b!c", "a\\b", "a\tb\nc\rd\fe", "é€\ud83d\ude00", "\u0000\u0001\u007f\u0080", "\"'", "${x}", " ", "\\", "\n", " \n ", "a\u00a0b", "\u000b",
  };

  static String quoted(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') out.append('\\').append(c);
      else if (c < 0x20 || c > 0x7e) out.append(String.format("\\u%04x", (int) c));
      else out.append(c);
    }
    return out.append('"').toString();
  }

  static String read(String text) {
    Properties properties = new Properties();
    try {
      properties.load(new StringReader(text));
    } catch (IllegalArgumentException error) {
      return "{\"text\": " + quoted(text) + ", \"error\": true}";
    } catch (java.io.IOException error) {
      throw new RuntimeException(error);
    }
    StringBuilder out = new StringBuilder("{\"text\": " + quoted(text) + ", \"properties\": {");
    String between = "";
    for (var entry : new TreeMap<>(properties).entrySet()) {
      out.append(between).append(quoted((String) entry.getKey())).append(": ").append(quoted((String) entry.getValue()));
      between = ", ";
    }
    return out.append("}}").toString();
  }

  static String write(String key, String value) throws Exception {
    Properties properties = new Properties();
    properties.setProperty(key, value);
    StringWriter writer = new StringWriter();
    properties.store(writer, null);
    String stored = writer.toString();
    String line = stored.substring(stored.indexOf('\n') + 1);  // after the date
    return "{\"key\": " + quoted(key) + ", \"value\": " + quoted(value) + ", \"line\": " + quoted(line) + "}";
  }

  public static void main(String[] arguments) throws Exception {
    List<String> reads = new ArrayList<>();
    for (String text : TEXTS) reads.add(read(text));
    Random random = new Random(1);
    for (int i = 0; i < 400; i++) {
      StringBuilder text = new StringBuilder();
      for (int n = random.nextInt(14); n >= 0; n--) text.append(PIECES[random.nextInt(PIECES.length)]);
      reads.add(read(text.toString()));
    }
    List<String> writes = new ArrayList<>();
    for (String key : VALUES) writes.add(write(key, "v"));
    for (String value : VALUES) writes.add(write("k", value));
    System.out.println("{\"java\": " + quoted(System.getProperty("java.version")) + ",\n\"reads\": [\n" + String.join(",\n", reads)
        + "\n],\n\"writes\": [\n" + String.join(",\n", writes) + "\n]}");
  }
}
