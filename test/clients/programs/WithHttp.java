// A bot that uses Java's HttpClient. Told what to call in its environment; prints what it saw.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;

public class WithHttp {
  static final HttpClient CLIENT = HttpClient.newHttpClient();

  public static void main(String[] args) throws Exception {
    var good = ask(HttpRequest.newBuilder(URI.create(System.getenv("GOOD"))));
    var signed =
        ask(
            HttpRequest.newBuilder(URI.create(System.getenv("SIGNED")))
                .header("API-Key", System.getenv("API_KEY"))
                .header("API-Sign", System.getenv("API_SIGN"))
                .header("Content-Type", "application/x-www-form-urlencoded")
                .POST(BodyPublishers.ofString(System.getenv("BODY"))));
    var refused = ask(HttpRequest.newBuilder(URI.create(System.getenv("REFUSED"))));
    System.out.printf("{\"good\":%s,\"signed\":%s,", answer(good), answer(signed));
    System.out.printf(
        "\"refused\":{\"error\":\"\",\"status\":%d,\"code\":\"%s\",\"retryAfter\":\"%s\"}}%n",
        refused.statusCode(), field(refused, "X-Weir-Error"), field(refused, "Retry-After"));
  }

  static HttpResponse<String> ask(HttpRequest.Builder request) throws Exception {
    return CLIENT.send(request.build(), BodyHandlers.ofString());
  }

  static String answer(HttpResponse<String> answer) {
    var decision = field(answer, "X-Weir-Decision");
    return "{\"status\":%d,\"decision\":\"%s\",\"body\":%s}".formatted(answer.statusCode(), decision, answer.body());
  }

  static String field(HttpResponse<?> answer, String name) {
    return answer.headers().firstValue(name).orElse("");
  }
}
