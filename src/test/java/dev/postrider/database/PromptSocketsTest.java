package dev.postrider.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import org.junit.jupiter.api.Test;

class PromptSocketsTest {

    @Test
    void a_look_sees_what_has_come_and_does_not_wait_for_what_has_not() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                Socket socket = new PromptSockets().createSocket()) {
            socket.connect(server.getLocalSocketAddress());
            try (Socket peer = server.accept()) {
                InputStream input = socket.getInputStream();
                socket.setSoTimeout(1);
                assertThatThrownBy(input::read)
                        .isInstanceOf(SocketTimeoutException.class)
                        .hasMessage("Nothing has come");

                socket.setSoTimeout(10_000);
                peer.getOutputStream().write(new byte[] {1, 2});
                assertThat(input.read()).as("waits as always").isEqualTo(1);

                socket.setSoTimeout(1);
                assertThat(input.read(new byte[8], 0, 8)).isEqualTo(1);
                assertThatThrownBy(() -> input.read(new byte[8], 0, 8)).isInstanceOf(SocketTimeoutException.class);
            }
        }
    }
}
