package dev.postrider.startup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.net.ServerSocket;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.actuate.autoconfigure.endpoint.EndpointAutoConfiguration;
import org.springframework.boot.actuate.autoconfigure.endpoint.web.WebEndpointAutoConfiguration;
import org.springframework.boot.actuate.autoconfigure.web.server.ManagementContextAutoConfiguration;
import org.springframework.boot.actuate.autoconfigure.web.servlet.ServletManagementContextAutoConfiguration;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.autoconfigure.web.servlet.DispatcherServletAutoConfiguration;
import org.springframework.boot.autoconfigure.web.servlet.ServletWebServerFactoryAutoConfiguration;
import org.springframework.boot.autoconfigure.web.servlet.WebMvcAutoConfiguration;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

@ExtendWith(OutputCaptureExtension.class)
class TakenPortTest {

    @ParameterizedTest
    @CsvSource({"server.port, management.server.port", "management.server.port, server.port"})
    void aTakenPortIsExplainedByTheSettingThatChoosesIt(String taken, String other, CapturedOutput output)
            throws Exception {
        try (ServerSocket socket = new ServerSocket(0)) {
            assertThat(catchThrowable(() -> SpringApplication.run(
                            TwoServers.class, "--" + taken + "=" + socket.getLocalPort(), "--" + other + "=0")))
                    .isNotNull();
            assertThat(output.toString())
                    .containsOnlyOnce("APPLICATION FAILED TO START")
                    .contains("Port " + socket.getLocalPort())
                    .contains("with the setting " + taken)
                    .doesNotContain("\tat ");
        }
    }

    @ImportAutoConfiguration({
        ServletWebServerFactoryAutoConfiguration.class,
        DispatcherServletAutoConfiguration.class,
        WebMvcAutoConfiguration.class,
        EndpointAutoConfiguration.class,
        WebEndpointAutoConfiguration.class,
        ManagementContextAutoConfiguration.class,
        ServletManagementContextAutoConfiguration.class
    })
    static class TwoServers {}
}
