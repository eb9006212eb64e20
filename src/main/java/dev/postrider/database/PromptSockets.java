package dev.postrider.database;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import javax.net.SocketFactory;

/**
 * Sockets of the connection that listens. Before the driver hands a notification out it waits a millisecond for another
 * one, which is a fifth of the time from a commit to the task's handler: here it sees at once that none is there.
 *
 * <p>The driver makes an instance by the name in its property {@code socketFactory}, and connects the socket by itself.
 */
public final class PromptSockets extends SocketFactory {

    /** The timeout that the driver sets when it only wants to know whether something has come, in milliseconds. */
    private static final int LOOK = 1;

    @Override
    public Socket createSocket() {
        return new PromptSocket();
    }

    @Override
    public Socket createSocket(String host, int port) {
        throw connected();
    }

    @Override
    public Socket createSocket(String host, int port, InetAddress from, int fromPort) {
        throw connected();
    }

    @Override
    public Socket createSocket(InetAddress host, int port) {
        throw connected();
    }

    @Override
    public Socket createSocket(InetAddress host, int port, InetAddress from, int fromPort) {
        throw connected();
    }

    private static UnsupportedOperationException connected() {
        return new UnsupportedOperationException("These sockets are made unconnected");
    }

    private static final class PromptSocket extends Socket {

        private volatile int timeout;

        @Override
        public void setSoTimeout(int timeout) throws SocketException {
            super.setSoTimeout(timeout);
            this.timeout = timeout;
        }

        @Override
        public InputStream getInputStream() throws IOException {
            return new FilterInputStream(super.getInputStream()) {
                @Override
                public int read() throws IOException {
                    look();
                    return super.read();
                }

                @Override
                public int read(byte[] bytes, int offset, int length) throws IOException {
                    look();
                    return super.read(bytes, offset, length);
                }

                private void look() throws IOException {
                    if (timeout == LOOK && available() == 0) {
                        throw new SocketTimeoutException("Nothing has come");
                    }
                }
            };
        }
    }
}
