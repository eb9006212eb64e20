package dev.postrider.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.postrider.testkit.TestDatabase;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.SocketTimeoutException;
import java.net.http.HttpResponse;
import org.apache.camel.CamelContext;
import org.apache.camel.ServiceStatus;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.web.server.LocalManagementPort;
import org.springframework.boot.test.web.server.LocalServerPort;

@SpringBootTest(
        classes = ConsoleApplication.class,
        webEnvironment = WebEnvironment.RANDOM_PORT,
        properties = {
            "postrider.database.url=jdbc:postgresql://unused/",
            "postrider.encryption-key=" + TestDatabase.ENCRYPTION_KEY,
            "postrider.operator.username=ops",
            "postrider.operator.password=" + ConsoleTest.PASSWORD,
            "camel.main.name=console-test",
            "spring.jmx.enabled=true", // as in production; tests have none unless asked for
            // Tests of ports and logins, not of metrics: no exporter is active in tests unless asked for.
            "management.prometheus.metrics.export.enabled=true"
        })
class ConsoleTest {

    static final String PASSWORD = "let me in";

    private static final String JOLOKIA = "/actuator/jolokia";
    private static final String HAWTIOS_JOLOKIA = "/actuator/hawtio/jolokia";
    private static final String ROUTE = "org.apache.camel:context=console-test,type=routes,name=\\\"some-route\\\"";
    private static final String CONTEXT =
            "org.apache.camel:context=console-test,type=context,name=\\\"console-test\\\"";

    @LocalManagementPort
    private int managementPort;

    @LocalServerPort
    private int apiPort;

    @Autowired
    private CamelContext camel;

    private Console console;

    @BeforeEach
    void openBrowser() {
        console = new Console(managementPort);
    }

    @ParameterizedTest
    @ValueSource(strings = {"/actuator/health", "/actuator/health/liveness", "/actuator/health/readiness"})
    void healthIsOpenAndSaysNothingMore(String path) throws Exception {
        HttpResponse<String> answer = console.get(path);
        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(answer.body()).contains("\"status\":\"UP\"").doesNotContain("components", "details");
    }

    @Test
    void healthOfAnalyticsSaysWhyToOperatorsOnly() throws Exception {
        HttpResponse<String> anybody = console.get("/actuator/health/analytics");
        assertThat(anybody.statusCode()).isEqualTo(503);
        assertThat(anybody.body()).contains("\"status\":\"UNKNOWN\"").doesNotContain("it is away");

        console.logIn("ops", PASSWORD);
        assertThat(console.get("/actuator/health/analytics").body()).contains("it is away");
    }

    @Test
    void metricsAreOpen() throws Exception {
        HttpResponse<String> answer = console.get("/actuator/prometheus");
        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(answer.body()).contains("jvm_memory_used_bytes");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/actuator",
                "/actuator/hawtio",
                "/actuator/hawtio/index.html",
                "/actuator/hawtio/auth/config",
                HAWTIOS_JOLOKIA,
                JOLOKIA,
                "/jolokia",
                "/anything"
            })
    void everythingElseNeedsTheLogin(String path) throws Exception {
        HttpResponse<String> answer = console.get(path);
        assertThat(answer.statusCode()).isEqualTo(302);
        assertThat(answer.headers().firstValue("Location"))
                .hasValueSatisfying(to -> assertThat(to).endsWith("/login"));
    }

    @Test
    void aWrongPasswordDoesNotGetIn() throws Exception {
        assertThat(console.logIn("ops", "guess")).endsWith("/login?error");
        assertThat(console.get("/actuator/hawtio/index.html").statusCode()).isEqualTo(302);
    }

    @Test
    void theLoginLeadsToHawtio() throws Exception {
        assertThat(console.logIn("ops", PASSWORD)).contains("/actuator/hawtio");
        assertThat(console.get("/actuator/hawtio/index.html").body()).contains("Hawtio");
    }

    @Test
    void loggingOutInHawtioEndsTheSession() throws Exception {
        console.logIn("ops", PASSWORD);
        console.get("/actuator/hawtio/auth/logout");
        assertThat(console.get("/actuator/hawtio/index.html").statusCode()).isEqualTo(302);
    }

    @ParameterizedTest
    @ValueSource(strings = {"/login", "/actuator", "/actuator/health", "/actuator/hawtio/index.html", JOLOKIA})
    void thePortOfTheApiServesNoneOfIt(String path) throws Exception {
        assertThat(new Console(apiPort).get(path).statusCode()).isEqualTo(404);
    }

    @ParameterizedTest
    @ValueSource(strings = {JOLOKIA, HAWTIOS_JOLOKIA})
    void aForgedRequestIsRefused(String path) throws Exception {
        console.logIn("ops", PASSWORD);
        assertThat(console.post(path, suspend(), "forged").statusCode()).isEqualTo(403);
        assertThat(console.get(path + "/exec/org.apache.camel:type=routes,*/suspend")
                        .body())
                .contains("\"status\":403");
        assertThat(status()).isEqualTo(ServiceStatus.Started);
    }

    @ParameterizedTest
    @ValueSource(strings = {JOLOKIA, HAWTIOS_JOLOKIA})
    void aRouteCanBeSuspendedAndResumed(String path) throws Exception {
        console.logIn("ops", PASSWORD);

        assertThat(ask(path, suspend()).path("status").asInt()).isEqualTo(200);
        assertThat(status()).isEqualTo(ServiceStatus.Suspended);

        assertThat(ask(path, exec(ROUTE, "resume()")).path("status").asInt()).isEqualTo(200);
        assertThat(status()).isEqualTo(ServiceStatus.Started);
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '\0',
            delimiter = '|',
            value = {
                "com.sun.management:type=DiagnosticCommand|vmSystemProperties",
                "com.sun.management:type=HotSpotDiagnostic|dumpHeap",
                "java.lang:type=Memory|gc",
                "java.util.logging:type=Logging|setLoggerLevel",
                CONTEXT + "|sendBody(java.lang.String,java.lang.Object)",
                CONTEXT + "|sendStringBody",
                CONTEXT + "|requestBody(java.lang.String,java.lang.Object)",
                CONTEXT + "|addOrUpdateRoutesFromXml(java.lang.String)",
                CONTEXT + "|stop()",
                CONTEXT + "|completeFoo",
                ROUTE + "|updateRouteFromXml(java.lang.String)",
                ROUTE + "|remove()",
                "org.apache.camel:type=*,*|suspend()",
                "hawtio:type=security,area=jmx,name=HawtioDummyJMXSecurity|canInvoke(java.lang.String)",
                "JMImplementation:type=MBeanServerDelegate|anything"
            })
    void whatCouldDoHarmIsRefusedOnBothPaths(String mbean, String operation) throws Exception {
        console.logIn("ops", PASSWORD);
        for (String path : new String[] {JOLOKIA, HAWTIOS_JOLOKIA}) {
            assertRefused(ask(path, exec(mbean, operation)));
        }
        assertThat(status()).isEqualTo(ServiceStatus.Started);
    }

    @ParameterizedTest
    @ValueSource(strings = {JOLOKIA, HAWTIOS_JOLOKIA})
    void nothingCanBeWritten(String path) throws Exception {
        console.logIn("ops", PASSWORD);
        JsonNode answer = ask(path, """
                {"type":"write","mbean":"%s","attribute":"StatisticsEnabled","value":false}""".formatted(ROUTE));
        assertRefused(answer);
    }

    @ParameterizedTest
    @ValueSource(strings = {JOLOKIA, HAWTIOS_JOLOKIA})
    void noOtherServerCanBeReachedThroughIt(String path) throws Exception {
        console.logIn("ops", PASSWORD);
        try (ServerSocket another = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            another.setSoTimeout(1); // whoever connected is waiting already
            ask(path, """
                    {"type":"read","mbean":"java.lang:type=Memory",
                     "target":{"url":"service:jmx:rmi:///jndi/rmi://127.0.0.1:%d/jmxrmi"}}""".formatted(another.getLocalPort()));
            assertThatThrownBy(another::accept).isInstanceOf(SocketTimeoutException.class);
        }
    }

    @Test
    void hawtiosProxyIsOff() throws Exception {
        console.logIn("ops", PASSWORD);
        for (String path : new String[] {"/actuator/hawtio/proxy", "/proxy"}) {
            assertThat(console.get(path + "/http/localhost/" + apiPort + "/actuator")
                            .statusCode())
                    .isIn(403, 404);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {JOLOKIA, HAWTIOS_JOLOKIA})
    void attributesAndRoutesCanBeRead(String path) throws Exception {
        console.logIn("ops", PASSWORD);

        assertThat(ask(path, read(ROUTE, "\"State\"")).path("value").asText()).isEqualTo("Started");
        assertThat(ask(path, exec(CONTEXT, "dumpRoutesAsXml()")).path("value").asText())
                .contains("some-route");
        assertThat(ask(path, "{\"type\":\"search\",\"mbean\":\"dev.postrider:*\"}")
                        .path("value")
                        .toString())
                .contains("ConsolePermissions");
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"SystemProperties\"", "[\"SystemProperties\",\"Uptime\"]", "null"})
    void whatTheProcessWasStartedWithStaysHidden(String attribute) throws Exception {
        console.logIn("ops", PASSWORD);
        for (String mbean : new String[] {"java.lang:type=Runtime", "java.lang:*"}) {
            assertThat(ask(JOLOKIA, read(mbean, attribute)).toString())
                    .doesNotContain("java.home")
                    .doesNotContain(System.getProperty("java.class.path"));
        }
    }

    @Test
    void hawtioIsToldWhatItMayOffer() throws Exception {
        console.logIn("ops", PASSWORD);
        String permissions = "dev.postrider:type=security,area=jmx,name=ConsolePermissions";

        JsonNode answer = ask(JOLOKIA, """
                {"type":"exec","mbean":"%s","operation":"canInvoke(java.util.Map)",
                 "arguments":[{"%s":["suspend()","remove()"]}]}""".formatted(permissions, ROUTE));

        JsonNode route = answer.path("value").elements().next();
        assertThat(route.path("suspend()").path("CanInvoke").asBoolean()).isTrue();
        assertThat(route.path("remove()").path("CanInvoke").asBoolean(true)).isFalse();
    }

    /** By Jolokia, for what was asked; not by the login or the CSRF token, which are there. */
    private static void assertRefused(JsonNode answer) {
        assertThat(answer.path("status").asInt()).isEqualTo(403);
        assertThat(answer.path("error").asText()).contains("forbidden");
    }

    private JsonNode ask(String path, String request) throws Exception {
        return console.ask(path, request);
    }

    private ServiceStatus status() {
        return camel.getRouteController().getRouteStatus("some-route");
    }

    private static String suspend() {
        return exec(ROUTE, "suspend()");
    }

    private static String exec(String mbean, String operation) {
        return "{\"type\":\"exec\",\"mbean\":\"%s\",\"operation\":\"%s\",\"arguments\":[]}".formatted(mbean, operation);
    }

    private static String read(String mbean, String attribute) {
        return "{\"type\":\"read\",\"mbean\":\"%s\",\"attribute\":%s}".formatted(mbean, attribute);
    }
}
