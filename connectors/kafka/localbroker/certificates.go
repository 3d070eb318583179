package localbroker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Files of certificates in the broker's folder.
const (
	authorityName  = "authority.pem"
	serverName     = "server.pem"
	clientName     = "client.pem"
	clientKeyName  = "client-key.pem"
	certificateAge = 30 * 24 * time.Hour
)

// writeCertificates makes an authority, and of it a certificate of the broker
// and one that a client may show.
func writeCertificates(folder string) error {
	now := time.Now()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "turgo local authority"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateAge),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("localbroker: key: %w", err)
	}
	issue := func(serial int64, name string, template *x509.Certificate) (certificate, key []byte, err error) {
		own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, nil, err
		}
		signer := authorityKey
		if template == nil {
			template, own = authority, authorityKey
		} else {
			template.SerialNumber, template.Subject = big.NewInt(serial), pkix.Name{CommonName: name}
			template.NotBefore, template.NotAfter = authority.NotBefore, authority.NotAfter
			template.KeyUsage = x509.KeyUsageDigitalSignature
		}
		der, err := x509.CreateCertificate(rand.Reader, template, authority, &own.PublicKey, signer)
		if err != nil {
			return nil, nil, err
		}
		// The broker reads keys as PKCS #8 only.
		keyBytes, err := x509.MarshalPKCS8PrivateKey(own)
		if err != nil {
			return nil, nil, err
		}
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
			pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyBytes}), nil
	}
	trusted, _, err := issue(1, "", nil)
	if err != nil {
		return fmt.Errorf("localbroker: certificate of the authority: %w", err)
	}
	server, serverKey, err := issue(2, "localhost", &x509.Certificate{
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return fmt.Errorf("localbroker: certificate of the broker: %w", err)
	}
	client, clientKey, err := issue(3, "client", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		return fmt.Errorf("localbroker: certificate of the client: %w", err)
	}
	for name, content := range map[string][]byte{
		authorityName: trusted, serverName: append(serverKey, server...), clientName: client, clientKeyName: clientKey,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return fmt.Errorf("localbroker: %w", err)
		}
	}
	return nil
}
