import java.net.URI;
import javax.net.ssl.HttpsURLConnection;

/** Fetches one https URL with the JDK's own verification and prints the status, or the name of what refused it. */
public class Client {
  public static void main(String[] arguments) throws Exception {
    try {
      var connection = (HttpsURLConnection) new URI(arguments[0]).toURL().openConnection();
      connection.setConnectTimeout(5000);
      connection.setReadTimeout(5000);
      System.out.println("status " + connection.getResponseCode());
    } catch (javax.net.ssl.SSLHandshakeException refused) {
      System.out.println("refused " + refused.getMessage());
    }
  }
}
