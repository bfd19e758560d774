// A Java bot that knows nothing of weir: both of the JDK's clients; prints the X-Weir-Decision of each answer.

import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

public class Reach {
  public static void main(String[] args) throws Exception {
    URI time = URI.create("https://api.exchange.coinbase.com/time");
    HttpURLConnection old = (HttpURLConnection) time.toURL().openConnection();
    String first = old.getHeaderField("X-Weir-Decision");
    var answer = HttpClient.newHttpClient().send(HttpRequest.newBuilder(time).build(), BodyHandlers.ofString());
    System.out.println(first + " " + answer.headers().firstValue("X-Weir-Decision").orElse(""));
  }
}
